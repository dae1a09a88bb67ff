/** CacheFolder: texts by key in a folder that stays within a bound. Safe for many processes at once; never an error. */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { unreadable } from '../files/file-problems.ts';
import { pruneFolder, removeEntry } from './prune-folder.ts';

/** The entries lie in 16 folders, by the first digit of their keys, so that pruning looks at one of them. */
export const FOLDERS = 16;
/** Two hex digits of the key: one new entry in 256 has its folder pruned, a full one in about 30 ms. */
const PRUNING_DIGITS = '00';
/** How old the note of an entry's last use may grow, so that not each reading writes. */
const USE_NOTED_MS = 24 * 60 * 60 * 1000;
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;

let written = 0;

export interface CacheBounds {
  /** Of each of the 16 folders. */
  maxFolderBytes: number;
  /** A longer text is neither kept nor read. */
  maxEntryBytes: number;
}

export class CacheFolder {
  readonly #folder: string;
  readonly #bounds: CacheBounds;
  #problem: string | undefined;

  /** The folder is created when the first entry is kept. */
  constructor(folder: string, bounds: CacheBounds) {
    this.#folder = folder;
    this.#bounds = bounds;
  }

  /** Why nothing can be kept, in one sentence; undefined as long as it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The text under a key of 64 hex digits, as it lies there: it may be damaged. */
  read(key: string): string | undefined {
    return readSmallFile(join(this.#folder, key[0], key), this.#bounds.maxEntryBytes);
  }

  /** Keeps a text under its key; what stood there before is replaced in one step. */
  write(key: string, text: string): void {
    // At least one byte per character, which is near enough: all but a few are ASCII.
    if (this.#problem !== undefined || text.length > this.#bounds.maxEntryBytes) return;
    const folder = join(this.#folder, key[0]);
    const draft = join(folder, `${key}.${process.pid}-${threadId}-${written++}.tmp`);
    try {
      writeNewFile(folder, draft, text);
    } catch (error) {
      removeEntry(draft);
      this.#problem = `The cache folder ${folder} cannot be written, so that nothing is kept for the next scan: ${unreadable(error).message}`;
      return;
    }
    replaceBy(draft, join(folder, key));
    if (key.slice(1, 1 + PRUNING_DIGITS.length) === PRUNING_DIGITS) {
      pruneFolder(folder, this.#bounds.maxFolderBytes);
    }
  }
}

/** A regular file as text, its use noted; undefined for anything else, without ever waiting on a pipe. */
function readSmallFile(path: string, maxBytes: number): string | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    const stats = fstatSync(handle);
    if (!stats.isFile() || stats.size > maxBytes) return undefined;
    if (Date.now() - stats.mtimeMs > USE_NOTED_MS) noteUse(path);
    return readFileSync(handle, 'utf8');
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function noteUse(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Another user's entry, or a disk that is read only: it grows old, no more.
  }
}

/** The folder is made when it is missing: looking first would cost a call for each entry. */
function writeNewFile(folder: string, path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text, { flag: 'wx' });
  }
}

/** Not synchronised to the disk: what a power cut leaves of an entry does not match its digest. */
function replaceBy(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch {
    // On Windows another process may have the old entry open at this moment: it then has one just as good.
    removeEntry(draft);
  }
}
