/** Reads one file whole, once, without ever waiting on something that is no file. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { RefusalReason } from '../../data/facts.ts';
import { unreadable } from './file-problems.ts';
import { type FileState, fileState, isSettled } from './file-state.ts';

/** The largest drivers have about 100 MB; what is bigger is no driver, and would be held in memory whole. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Up to this size one buffer serves all files: fresh memory costs more than reading from the system's cache. */
const MAX_KEPT_BUFFER_BYTES = 16 * 1024 * 1024;
/** Windows has none of these flags, and no file that opens without end either. */
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;

/** By another thread, while this one may load the analysis: filling 8 MB of memory that is new takes as long as that. */
const readBeside = promisify(read);

let keptBuffer = new Uint8Array(0);

export interface FileBytes {
  /** Valid until the next file is read: copy what must stay. */
  bytes: Uint8Array;
  /** By which the file is known again; undefined where it changed a moment ago, and may change again unseen. */
  state?: FileState;
}

/** The bytes of a regular file, or why there are none. A link is followed only for a named file. Never rejects. */
export async function readDriverFile(path: string, isNamed: boolean): Promise<FileBytes | RefusalReason> {
  let handle: number | undefined;
  try {
    // O_NONBLOCK: opening a FIFO returns at once, and fstat then tells what it is.
    handle = openSync(path, O_RDONLY | O_NONBLOCK | (isNamed ? 0 : O_NOFOLLOW));
    return await readOpenFile(handle);
  } catch (error) {
    return isDevice(error) ? NOT_A_FILE : unreadable(error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

const NOT_A_FILE: RefusalReason = {
  code: 'not-a-file',
  message: 'It is no regular file (a pipe, socket, device or folder), so there is nothing to scan.',
};

/** Opening a socket, or a device without its driver, fails with these. */
function isDevice(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENXIO' || error.code === 'ENODEV');
}

async function readOpenFile(handle: number): Promise<FileBytes | RefusalReason> {
  const before = fstatSync(handle, { bigint: true });
  const startedMs = Date.now();
  if (!before.isFile()) return NOT_A_FILE;
  if (before.size === 0n) return { code: 'empty', message: 'The file is empty.' };
  if (before.size > MAX_FILE_BYTES) {
    return {
      code: 'too-large',
      message: `The file has ${before.size} bytes; files of up to ${MAX_FILE_BYTES} bytes are scanned.`,
    };
  }
  const bytes = bufferOf(Number(before.size));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await readBeside(handle, bytes, filled, bytes.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  if (filled < bytes.length || hasChanged(before, fstatSync(handle, { bigint: true }))) {
    return { code: 'unreadable', message: 'The file changed while it was read; scan it again.' };
  }
  return { bytes, state: isSettled(before, startedMs) ? fileState(before) : undefined };
}

function bufferOf(size: number): Uint8Array {
  if (size > MAX_KEPT_BUFFER_BYTES) return new Uint8Array(size);
  if (keptBuffer.length < size) keptBuffer = new Uint8Array(size);
  return keptBuffer.subarray(0, size);
}

function hasChanged(before: BigIntStats, after: BigIntStats): boolean {
  return before.size !== after.size || before.mtimeNs !== after.mtimeNs;
}
