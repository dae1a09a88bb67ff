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
  readonly #listings = new Map<string, Listing>();

  /** Whether a folder holds any PDB at all. */
  holdsPdb(folder: string): boolean {
    return this.#listingOf(folder).holdsPdb;
  }

  /** The path below `folder` that the parts lead to, or undefined. The parts are names, never paths. */
  find(folder: string, ...parts: string[]): string | undefined {
    if (parts.some(part => UNFIT_NAME.test(part))) return undefined;
    const exact = join(folder, ...parts);
    if (isThere(exact)) return exact;
    if (IS_CASE_FOLDED) return undefined;
    let path = folder;
    for (const part of parts) {
      const name = this.#listingOf(path).names.get(part.toLowerCase());
      if (name === undefined) return undefined;
      path = join(path, name);
    }
    return path;
  }

  #listingOf(folder: string): Listing {
    let listing = this.#listings.get(folder);
    if (listing === undefined) {
      if (this.#listings.size >= MAX_KEPT_FOLDERS) this.#listings.clear();
      const names = new Map(namesIn(folder).map(name => [name.toLowerCase(), name]));
      listing = { names, holdsPdb: [...names.keys()].some(name => name.endsWith('.pdb')) };
      this.#listings.set(folder, listing);
    }
    return listing;
  }
}

interface Listing {
  /** Names in lower case to names as they are. */
  names: ReadonlyMap<string, string>;
  holdsPdb: boolean;
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
