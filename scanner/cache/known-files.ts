/**
 * KnownFiles: what files hold, by their state, so that one that has not changed is not read again: reading and digesting
 * the drivers of a machine takes longer than all the rest of a scan that has nothing new to see. Never an error.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { FileState } from '../files/file-state.ts';
import { CacheFolder, FOLDERS } from './cache-folder.ts';

/** 64 MiB in all: at a block of the disk each, some sixteen thousand files. */
const MAX_FOLDER_BYTES = (64 * 1024 * 1024) / FOLDERS;
const SHA256 = /^[0-9a-f]{64}$/;

export class KnownFiles {
  readonly #notes: CacheFolder;

  /** `folder` is the user's cache folder. */
  constructor(folder: string) {
    this.#notes = new CacheFolder(join(folder, 'files'), {
      maxFolderBytes: MAX_FOLDER_BYTES,
      maxEntryBytes: 64,
    });
  }

  /** The SHA-256, in lower-case hex, of a file that was in this very state when it was read. */
  sha256Of(state: FileState): string | undefined {
    const text = this.#notes.read(keyOf(state));
    return text !== undefined && SHA256.test(text) ? text : undefined;
  }

  note(state: FileState, sha256: string): void {
    if (this.sha256Of(state) !== sha256) this.#notes.write(keyOf(state), sha256);
  }
}

function keyOf(state: FileState): string {
  return createHash('sha256').update(state).digest('hex');
}
