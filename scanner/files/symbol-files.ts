/** SymbolFiles finds the PDB of a driver: beside it, or in folders and symbol stores that the user names. */
import { basename, dirname, extname } from 'node:path';
import type { OpenPdb } from '../pdb/open-pdb.ts';
import { PdbProblem } from '../pdb/pdb-problem.ts';
import { type PublicSymbols, readPublicSymbols } from '../pdb/public-symbols.ts';
import { type PdbReference, readPdbReference } from '../pe/pdb-reference.ts';
import type { ListedFile } from './file-list.ts';
import { withPdbFile } from './open-pdb-file.ts';
import { PdbFolders } from './pdb-folders.ts';

/** More files of one name and other builds say nothing new. */
const MAX_REMARKS = 3;

/** What was found for one driver. */
export interface SymbolSearch {
  /** The PDB of this very build. `id` is its GUID and age: symbols differ only where it does. */
  found: { path: string; followsLinks: boolean; id: string } | null;
  /** Why PDBs that have the right name were not used; empty where one was. */
  remarks: readonly string[];
}

const NOTHING_FOUND: SymbolSearch = { found: null, remarks: [] };

interface Candidate {
  path: string;
  followsLinks: boolean;
  /** For the remark: `foo.pdb beside the driver`. */
  words: string;
}

export class SymbolFiles {
  readonly #symbolFolders: readonly string[];
  readonly #folders = new PdbFolders();

  /** `symbolFolders`: folders of PDBs and symbol stores, in the order in which they are searched. */
  constructor(symbolFolders: readonly string[] = []) {
    this.#symbolFolders = symbolFolders;
  }

  /**
   * The PDB that belongs to a driver: one with the name that the driver gives or with the driver's own name, whose GUID
   * and age are those of the driver. Never throws for what the files hold. Where no PDB is near, nothing is read.
   */
  find(file: ListedFile, bytes: Uint8Array): SymbolSearch {
    const beside = dirname(file.path);
    const isBeside = this.#folders.holdsPdb(beside);
    if (!isBeside && this.#symbolFolders.length === 0) return NOTHING_FOUND;
    const reference = readPdbReference(bytes);
    const ownName = `${basename(file.path, extname(file.path))}.pdb`;
    const names = [...new Set([reference.pdbName ?? ownName, ownName])];
    const remarks: string[] = [];
    for (const candidate of this.#candidates(isBeside ? beside : null, names, reference, file.isNamed)) {
      const id = withPdbFile(candidate.path, candidate.followsLinks, pdb => pdb.id);
      if (id === undefined) continue;
      if (typeof id === 'string' && id === reference.pdbId) {
        return { found: { path: candidate.path, followsLinks: candidate.followsLinks, id }, remarks: [] };
      }
      if (remarks.length < MAX_REMARKS) remarks.push(whyUnused(candidate.words, id, reference));
    }
    return { found: null, remarks };
  }

  *#candidates(
    beside: string | null,
    names: readonly string[],
    { pdbName, pdbId }: PdbReference,
    isNamed: boolean,
  ): Generator<Candidate> {
    if (beside !== null) {
      for (const name of names) {
        const path = this.#folders.find(beside, name);
        if (path !== undefined) yield { path, followsLinks: isNamed, words: `${name} beside the driver` };
      }
    }
    for (const folder of this.#symbolFolders) {
      const places = names.map(name => [name]);
      if (pdbName !== null && pdbId !== null) {
        // A store: foo.pdb/<id>/foo.pdb, or fo/foo.pdb/<id>/foo.pdb where it is kept in two tiers.
        places.unshift([pdbName, pdbId, pdbName], [pdbName.slice(0, 2), pdbName, pdbId, pdbName]);
      }
      for (const place of places) {
        const path = this.#folders.find(folder, ...place);
        if (path === undefined) continue;
        yield { path, followsLinks: true, words: `${place[place.length - 1]} in a symbols folder` };
      }
    }
  }
}

/** The public symbols of a PDB that was found, or a remark on why it gives none. */
export function readSymbolFile(found: NonNullable<SymbolSearch['found']>): PublicSymbols | string {
  const symbols = withPdbFile(found.path, found.followsLinks, (pdb: OpenPdb) =>
    pdb.id === found.id ? readPublicSymbols(pdb) : new PdbProblem('it changed while it was read'),
  );
  const problem = symbols ?? new PdbProblem('it went away');
  return problem instanceof PdbProblem
    ? `${basename(found.path)} belongs to this driver but cannot be used: ${problem.message}.`
    : problem;
}

function whyUnused(words: string, id: string | PdbProblem, { pdbId }: PdbReference): string {
  if (id instanceof PdbProblem) return `${words} cannot be used: ${id.message}.`;
  return pdbId === null
    ? `${words} was not used: the driver does not say which PDB is its own.`
    : `${words} was not used: it belongs to another build (${id}, where the driver asks for ${pdbId}).`;
}
