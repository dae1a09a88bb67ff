/** Finds the PDB that belongs to one driver, and reads its public symbols. */
import { basename, dirname, extname } from 'node:path';
import { PdbProblem } from '../pdb/pdb-problem.ts';
import { type PublicSymbols, readPublicSymbols } from '../pdb/public-symbols.ts';
import { type PdbReference, readPdbReference } from '../pe/pdb-reference.ts';
import type { ListedFile } from './file-list.ts';
import { withPdbFile } from './open-pdb-file.ts';
import type { PdbFolders } from './pdb-folders.ts';
import type { SymbolSearch } from './symbol-files.ts';

/** More files of one name and other builds say nothing new. */
const MAX_REMARKS = 3;

export interface MatchingPdb {
  path: string;
  followsLinks: boolean;
  /** GUID and age. */
  id: string;
}

interface Candidate {
  path: string;
  followsLinks: boolean;
  /** For the remark: `foo.pdb beside the driver`. */
  words: string;
}

/**
 * The PDB with the name that the driver gives, or with the driver's own name, whose GUID and age are those of the
 * driver; and why others of these names were not taken, where none was.
 */
export function matchingPdb(
  file: ListedFile,
  bytes: Uint8Array,
  hasPdbBeside: boolean,
  symbolFolders: readonly string[],
  folders: PdbFolders,
): SymbolSearch {
  const reference = readPdbReference(bytes);
  const remarks: string[] = [];
  for (const { path, followsLinks, words } of candidates()) {
    const id = withPdbFile(path, followsLinks, pdb => pdb.id);
    if (id === undefined) continue;
    if (typeof id === 'string' && id === reference.pdbId) {
      return { found: { path, followsLinks, id }, remarks: [] };
    }
    if (remarks.length < MAX_REMARKS) remarks.push(whyUnused(words, id, reference));
  }
  return { found: null, remarks };

  function* candidates(): Generator<Candidate> {
    const ownName = `${basename(file.path, extname(file.path))}.pdb`;
    const names = [...new Set([reference.pdbName ?? ownName, ownName])];
    for (const name of hasPdbBeside ? names : []) {
      const path = folders.find(dirname(file.path), name);
      if (path !== undefined) {
        yield { path, followsLinks: file.isNamed, words: `${basename(path)} beside the driver` };
      }
    }
    for (const folder of symbolFolders) {
      for (const place of [...storePlaces(reference), ...names.map(name => [name])]) {
        const path = folders.find(folder, ...place);
        if (path !== undefined) {
          yield { path, followsLinks: true, words: `${basename(path)} in a symbols folder` };
        }
      }
    }
  }
}

/** Where a symbol store keeps the PDB: `foo.pdb/<id>/foo.pdb`, or `fo/foo.pdb/<id>/foo.pdb` in one of two tiers. */
function storePlaces({ pdbName, pdbId }: PdbReference): string[][] {
  if (pdbName === null || pdbId === null) return [];
  return [
    [pdbName, pdbId, pdbName],
    [pdbName.slice(0, 2), pdbName, pdbId, pdbName],
  ];
}

function whyUnused(words: string, id: string | PdbProblem, { pdbId }: PdbReference): string {
  if (id instanceof PdbProblem) return `${words} cannot be used: ${id.message}.`;
  return pdbId === null
    ? `${words} was not used: the driver does not say which PDB is its own.`
    : `${words} was not used: it belongs to another build (${id}, where the driver asks for ${pdbId}).`;
}

/** The public symbols of a PDB that was found, or a remark on why it gives none. */
export function readMatchingPdb({ path, followsLinks, id }: MatchingPdb): PublicSymbols | string {
  const symbols = withPdbFile(path, followsLinks, pdb =>
    pdb.id === id ? readPublicSymbols(pdb) : new PdbProblem('it changed while it was read'),
  );
  const result = symbols ?? new PdbProblem('it is gone');
  return result instanceof PdbProblem
    ? `${basename(path)} belongs to this driver but cannot be used: ${result.message}.`
    : result;
}
