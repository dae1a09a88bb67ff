/** ScanCache: what scans gave, in a folder, by what they depend on. Safe for many processes at once; never an error. */
import { createHash } from 'node:crypto';
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
import type { ScanOutcome } from '../../data/facts.ts';
import { unreadable } from '../files/file-problems.ts';
import { entryText, readEntry } from './cached-outcome.ts';
import { pruneFolder, removeEntry } from './prune-folder.ts';
import { scannerVersion } from './scanner-version.ts';

/** All that the outcome of a scan depends on, beside the scanner itself. */
export interface ScanInputs {
  /** Lower-case hex. */
  sha256: string;
  /** Without folders: KMDF's default tag and the name of the image's own exports come from it. */
  fileName: string;
  /** Says which symbols were at hand; empty where there were none. */
  symbols?: string;
}

/** The entries lie in 16 folders, by the first digit of their keys, so that pruning looks at one of them. */
const FOLDERS = 16;
/** 256 MiB in all: at 2 to 50 KB a driver, some ten thousand of them. */
const MAX_FOLDER_BYTES = (256 * 1024 * 1024) / FOLDERS;
/** Two hex digits of the key: one new entry in 256 has its folder pruned, a full one in about 30 ms. */
const PRUNING_DIGITS = '00';
/** A larger one is read no quicker than it is made, and would drive out many others. */
const MAX_ENTRY_BYTES = 8 * 1024 * 1024;
/** How old the note of an entry's last use may grow, so that not each reading writes. */
const USE_NOTED_MS = 24 * 60 * 60 * 1000;
const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;

let written = 0;

export class ScanCache {
  readonly #folder: string;
  readonly #version: string;
  readonly #maxFolderBytes: number;
  #problem: string | undefined;

  /** `folder` is the user's cache folder; it is created when the first outcome is kept. */
  constructor(folder: string, { version = scannerVersion(), maxFolderBytes = MAX_FOLDER_BYTES } = {}) {
    this.#folder = join(folder, 'scans');
    this.#version = version;
    this.#maxFolderBytes = maxFolderBytes;
  }

  /** Why nothing can be kept, in one sentence; undefined as long as it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The outcome of an earlier scan with these inputs; undefined where there is none, or none that is sound. */
  find(inputs: ScanInputs): ScanOutcome | undefined {
    const key = this.#key(inputs);
    const text = readSmallFile(this.#path(key));
    return text === undefined ? undefined : readEntry(key, text);
  }

  /** Keeps an outcome for the next scan with these inputs; what stood there before is replaced in one step. */
  keep(inputs: ScanInputs, outcome: ScanOutcome): void {
    if (this.#problem !== undefined) return;
    const key = this.#key(inputs);
    const text = entryText(key, outcome);
    // At least one byte per character, which is near enough: all but a few are ASCII.
    if (text.length > MAX_ENTRY_BYTES) return;
    const folder = join(this.#folder, key[0]);
    const draft = join(folder, `${key}.${process.pid}-${threadId}-${written++}.tmp`);
    try {
      writeNewFile(folder, draft, text);
    } catch (error) {
      removeEntry(draft);
      this.#problem = `The cache folder ${folder} cannot be written, so that nothing is kept for the next scan: ${unreadable(error).message}`;
      return;
    }
    replaceBy(draft, this.#path(key));
    if (key.slice(1, 1 + PRUNING_DIGITS.length) === PRUNING_DIGITS) {
      pruneFolder(folder, this.#maxFolderBytes);
    }
  }

  #key({ sha256, fileName, symbols = '' }: ScanInputs): string {
    const parts = [this.#version, sha256, fileName, symbols];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }

  #path(key: string): string {
    return join(this.#folder, key[0], key);
  }
}

/** A regular file as text, its use noted; undefined for anything else, without ever waiting on a pipe. */
function readSmallFile(path: string): string | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    const stats = fstatSync(handle);
    if (!stats.isFile() || stats.size > MAX_ENTRY_BYTES) return undefined;
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
