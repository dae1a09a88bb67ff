/** Opens a PDB from disk and reads it by position, so that a file of 100 MB costs only the parts that are needed. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type OpenPdb, openPdb } from '../pdb/open-pdb.ts';
import { PdbProblem } from '../pdb/pdb-problem.ts';
import { unreadable } from './file-problems.ts';

/** Windows has none of these flags. */
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;

/**
 * What `use` makes of the PDB at a path, or why it is none; undefined where there is no such file. The file is open as
 * long as `use` runs. A link is followed only where `followsLinks` says so.
 */
export function withPdbFile<Result>(
  path: string,
  followsLinks: boolean,
  use: (pdb: OpenPdb) => Result,
): Result | PdbProblem | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(path, O_RDONLY | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW));
    const facts = fstatSync(handle);
    // A folder may have the name as well: symbol stores are made of such folders.
    if (!facts.isFile()) return undefined;
    const pdb = openPdb({ sizeBytes: facts.size, read: positionalReader(handle) });
    return pdb instanceof PdbProblem ? pdb : use(pdb);
  } catch (error) {
    return isAbsent(error) ? undefined : problemOf(error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** Not there, a link that is not followed, or a socket or device. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV', 'EISDIR', 'ENAMETOOLONG']);

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ABSENT.has(String(error.code));
}

/** Errors of the system alone: any other is a fault of ours, and is not to pass for one of the file. */
function problemOf(error: unknown): PdbProblem {
  if (!(error instanceof Error && 'syscall' in error)) throw error;
  const { message } = unreadable(error);
  return new PdbProblem(message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, ''));
}

function positionalReader(handle: number): (offset: number, length: number) => Uint8Array {
  return (offset, length) => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(handle, bytes, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  };
}
