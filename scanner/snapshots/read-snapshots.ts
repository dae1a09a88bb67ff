/** Reads a text that is there as a whole. */
import type { PoolSnapshot, ReadRemark } from './pool-snapshot.ts';
import { SnapshotReader } from './snapshot-reader.ts';

/** How many characters are encoded at a time. */
const PIECE_CHARACTERS = 64 * 1024;

/** All snapshots of a text and all remarks on it. Never throws; a text that is none of the formats gives one remark. */
export function readSnapshots(
  text: Uint8Array | string,
  options: { file?: string; fileTimeMs?: number } = {},
): { snapshots: PoolSnapshot[]; remarks: ReadRemark[] } {
  const snapshots: PoolSnapshot[] = [];
  const remarks: ReadRemark[] = [];
  const reader = new SnapshotReader({
    ...options,
    onSnapshot: snapshot => snapshots.push(snapshot),
    onRemark: remark => remarks.push(remark),
  });
  if (typeof text === 'string') writeText(reader, text);
  else reader.write(text);
  reader.end();
  return { snapshots, remarks };
}

function writeText(reader: SnapshotReader, text: string): void {
  const encoder = new TextEncoder();
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + PIECE_CHARACTERS);
    // Both halves of a character beyond the first 65,536 must be in one piece.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
    reader.write(encoder.encode(text.slice(start, end)));
    start = end;
  }
}
