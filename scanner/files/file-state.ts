/** What the system says of a file without opening it, by which a file that was read before is known again. */
import type { BigIntStats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';

/**
 * The coarsest clock of a file system (FAT's) ticks every two seconds: what is written twice within one tick has the same
 * time both times.
 */
const CLOCK_TICK_MS = 2000n;

/**
 * Device, inode, size and times in one text: the same file has the same text as long as nobody has written to it. The time
 * of change (`ctime`) is among them, which no program sets back by accident: a copy that keeps its dates has a new one.
 */
export type FileState = string;

/** The state of a regular file; undefined for anything else. A link is followed only for a named file. */
export async function fileStateAt(path: string, isNamed: boolean): Promise<FileState | undefined> {
  try {
    const stats = await (isNamed ? stat(path, { bigint: true }) : lstat(path, { bigint: true }));
    return stats.isFile() ? fileState(stats) : undefined;
  } catch {
    return undefined; // whoever reads it says why it cannot be
  }
}

/** Undefined on a file system that gives its files no numbers: two of one size and time would be taken for one. */
export function fileState({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileState | undefined {
  if (ino === 0n) return undefined;
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** Whether whatever is written from `nowMs` on gives the file another state than this one. */
export function isSettled({ mtimeMs, ctimeMs }: BigIntStats, nowMs: number): boolean {
  const latest = mtimeMs > ctimeMs ? mtimeMs : ctimeMs;
  return BigInt(Math.floor(nowMs)) - latest > CLOCK_TICK_MS;
}
