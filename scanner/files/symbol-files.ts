/** SymbolFiles gives each driver the public symbols of its PDB: one beside it, or in the folders that the user names. */
import { dirname } from 'node:path';
import type { PublicSymbols } from '../pdb/public-symbols.ts';
import type { ListedFile } from './file-list.ts';
import type { MatchingPdb } from './matching-pdb.ts';
import { PdbFolders } from './pdb-folders.ts';

/** What was found for one driver. */
export interface SymbolSearch {
  /** The PDB of this very build. Its `id`, GUID and age, says which symbols these are. */
  found: MatchingPdb | null;
  /** Why PDBs that have the right name were not used; empty where one was. */
  remarks: readonly string[];
}

const NOTHING_FOUND: SymbolSearch = { found: null, remarks: [] };

export class SymbolFiles {
  readonly #symbolFolders: readonly string[];
  readonly #folders = new PdbFolders();

  /** `symbolFolders`: folders of PDBs and symbol stores, in the order in which they are searched. */
  constructor(symbolFolders: readonly string[]) {
    this.#symbolFolders = symbolFolders;
  }

  /** Whether there is any PDB where that of a driver would be looked for. */
  mayFind(driverPath: string): boolean {
    return this.#symbolFolders.length > 0 || this.#folders.holdsPdb(dirname(driverPath));
  }

  /** Looks for the PDB of a driver. Never rejects. Where no PDB can be, no file is opened and no code loaded. */
  async find(file: ListedFile, bytes: Uint8Array): Promise<SymbolSearch> {
    if (!this.mayFind(file.path)) return NOTHING_FOUND;
    const hasPdbBeside = this.#folders.holdsPdb(dirname(file.path));
    try {
      const { matchingPdb } = await import('./matching-pdb.ts');
      return matchingPdb(file, bytes, hasPdbBeside, this.#symbolFolders, this.#folders);
    } catch (error) {
      return { found: null, remarks: [faultRemark(error)] };
    }
  }

  /** The public symbols of a PDB that was found, or a remark on why there are none. Never rejects. */
  async read(found: MatchingPdb): Promise<PublicSymbols | string> {
    try {
      const { readMatchingPdb } = await import('./matching-pdb.ts');
      return readMatchingPdb(found);
    } catch (error) {
      return faultRemark(error);
    }
  }
}

/** A fault of ours costs the names of this driver, never its tags. */
function faultRemark(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `The symbols could not be read (a fault of this program, please report it): ${message}`;
}
