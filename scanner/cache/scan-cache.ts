/** ScanCache: what scans gave, in a folder, by what they depend on. Safe for many processes at once; never an error. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ScanOutcome } from '../../data/facts.ts';
import type { FileState } from '../files/file-state.ts';
import { CacheFolder, FOLDERS } from './cache-folder.ts';
import { entryText, readEntry } from './cached-outcome.ts';
import { KnownFiles } from './known-files.ts';
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

/** 256 MiB in all: at 2 to 50 KB a driver, some ten thousand of them. */
const MAX_FOLDER_BYTES = (256 * 1024 * 1024) / FOLDERS;
/** A larger one is read no quicker than it is made, and would drive out many others. */
const MAX_ENTRY_BYTES = 8 * 1024 * 1024;

export class ScanCache {
  readonly #scans: CacheFolder;
  readonly #files: KnownFiles;
  readonly #version: string;

  /** `folder` is the user's cache folder; it is created when the first outcome is kept. */
  constructor(folder: string, { version = scannerVersion(), maxFolderBytes = MAX_FOLDER_BYTES } = {}) {
    this.#scans = new CacheFolder(join(folder, 'scans'), { maxFolderBytes, maxEntryBytes: MAX_ENTRY_BYTES });
    this.#files = new KnownFiles(folder);
    this.#version = version;
  }

  /** Why nothing can be kept, in one sentence; undefined as long as it can. */
  get problem(): string | undefined {
    return this.#scans.problem;
  }

  /** The outcome of an earlier scan with these inputs; undefined where there is none, or none that is sound. */
  find(inputs: ScanInputs): ScanOutcome | undefined {
    const key = this.#key(inputs);
    const text = this.#scans.read(key);
    return text === undefined ? undefined : readEntry(key, text);
  }

  /** The outcome for a file that nobody has written to since it was read for an earlier scan, without symbols. */
  findUnread(state: FileState, fileName: string): ScanOutcome | undefined {
    const sha256 = this.#files.sha256Of(state);
    return sha256 === undefined ? undefined : this.find({ sha256, fileName });
  }

  /** Keeps an outcome for the next scan with these inputs; what stood there before is replaced in one step. */
  keep(inputs: ScanInputs, outcome: ScanOutcome): void {
    const key = this.#key(inputs);
    this.#scans.write(key, entryText(key, outcome));
  }

  /** Notes what a file in this state holds. */
  noteFile(state: FileState, sha256: string): void {
    this.#files.note(state, sha256);
  }

  #key({ sha256, fileName, symbols = '' }: ScanInputs): string {
    const parts = [this.#version, sha256, fileName, symbols];
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  }
}
