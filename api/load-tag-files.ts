/** Reads the user's tag lists: pooltag.txt and localtag.txt. */
import { readFile, stat } from 'node:fs/promises';
import { readTagList } from '../data/pooltag-txt.ts';
import type { LoadedTagFile } from './catalogue.ts';
import { PooltagError } from './pooltag-error.ts';

/** The largest published list has 250 KB; this bounds memory. */
const MAX_TAG_FILE_BYTES = 64 * 1024 * 1024;

/** The lists in the order given. Throws `pooltag-file-unreadable` for the first that cannot be read at all. */
export function loadTagFiles(paths: readonly string[]): Promise<LoadedTagFile[]> {
  return Promise.all(paths.map(loadTagFile));
}

async function loadTagFile(path: string): Promise<LoadedTagFile> {
  return { path, ...readTagList(await bytesOf(path), path) };
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_TAG_FILE_BYTES) return await readFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw unreadable(path, `the system says ${why}`, error);
  }
  throw unreadable(path, 'it is larger than 64 MB, and no tag list is');
}

function unreadable(path: string, why: string, cause?: unknown): PooltagError {
  return new PooltagError('pooltag-file-unreadable', `The tag list ${path} cannot be read: ${why}.`, {
    cause,
  });
}

/** A sentence on the lines of a list that say nothing to the reader; undefined where all were read. */
export function tagFileRemark({ path, remarks }: LoadedTagFile): string | undefined {
  if (remarks.length === 0) return undefined;
  const [{ line, message }] = remarks;
  if (line === 0) return `${path}: ${message}`;
  const count = remarks.length === 1 ? 'One line' : `${remarks.length} lines`;
  return `${path}: ${count} could not be read; line ${line}: ${message}`;
}
