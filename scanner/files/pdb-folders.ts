/** Finds PDBs by name in folders, in any letter case, without asking the disk twice for one folder. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Folders whose names are kept; a scan goes through its folders one after the other. */
const MAX_KEPT_FOLDERS = 64;
/** Windows finds a name in any letter case by itself. */
const IS_CASE_FOLDED = process.platform === 'win32';
/** What cannot be the name of one file in one folder; names come out of images that nobody vouches for. */
const UNFIT_NAME = /[\\/:*?"<>|\p{Cc}]|^\.{0,2}$/u;

export class PdbFolders {
  /** Names in lower case to names as they are, by folder. */
  readonly #names = new Map<string, ReadonlyMap<string, string>>();

  /** Whether a folder holds any PDB at all. */
  holdsPdb(folder: string): boolean {
    for (const name of this.#namesIn(folder).keys()) if (name.endsWith('.pdb')) return true;
    return false;
  }

  /** The path below `folder` that the parts lead to, or undefined. The parts are names, never paths. */
  find(folder: string, ...parts: string[]): string | undefined {
    if (parts.some(part => UNFIT_NAME.test(part))) return undefined;
    const exact = join(folder, ...parts);
    if (isThere(exact)) return exact;
    if (IS_CASE_FOLDED) return undefined;
    let path = folder;
    for (const part of parts) {
      const name = this.#namesIn(path).get(part.toLowerCase());
      if (name === undefined) return undefined;
      path = join(path, name);
    }
    return path;
  }

  #namesIn(folder: string): ReadonlyMap<string, string> {
    let names = this.#names.get(folder);
    if (names === undefined) {
      if (this.#names.size >= MAX_KEPT_FOLDERS) this.#names.clear();
      names = new Map(namesIn(folder).map(name => [name.toLowerCase(), name]));
      this.#names.set(folder, names);
    }
    return names;
  }
}

/** Also false where looking is not allowed, or a link leads in a circle: nothing to be used is there. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** None for a folder that cannot be read: what it holds cannot be used either. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
