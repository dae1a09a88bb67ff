/** Says in words why the operating system would not give us a file. */
import type { RefusalReason, ScanOutcome } from '../../data/facts.ts';

const WORDS = new Map([
  ['ENOENT', 'There is no file or folder of this name.'],
  ['ENOTDIR', 'There is no such path: a part of it is a file, not a folder.'],
  ['EACCES', 'This user may not read it.'],
  ['EPERM', 'This user may not read it.'],
  ['EBUSY', 'Another program holds it locked.'],
  ['ELOOP', 'Its links lead in a circle.'],
  ['ENAMETOOLONG', 'The path is longer than this system takes.'],
  ['EMFILE', 'Too many files are open at once.'],
  ['EIO', 'The disk reported an error.'],
  ['ERR_INVALID_ARG_VALUE', 'The path holds a character that no path can have.'],
]);

/** A refusal of code `unreadable` for an error that a file operation threw. */
export function unreadable(error: unknown): RefusalReason {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return { code: 'unreadable', message: WORDS.get(code) ?? `It cannot be read (${code || error}).` };
}

/** A refusal as an outcome. `fileName` is without folders. */
export function refused(fileName: string, reason: RefusalReason): ScanOutcome {
  return { status: 'refused', fileName, reason };
}
