/** Finds the files that hold snapshots: those that are named, what a pattern names, and the logs of a folder. */
import { stat } from 'node:fs/promises';
import type { RefusalReason } from '../../data/facts.ts';
import { listDriverFiles } from '../../scanner/files/file-list.ts';
import { unreadable } from '../../scanner/files/file-problems.ts';

/** What logs are called; a file that is named itself may be called anything. */
const LOG_GLOB = '*.{log,txt,out,csv,tsv,json,jsonl,ndjson,xml}';

export interface SnapshotFile {
  path: string;
  /** Set where nothing can be read. */
  problem?: RefusalReason;
}

/**
 * The files, each once, in the order in which they were named; within a folder or a pattern, and where the names were
 * given in alphabetical order (as a shell does it), `pool-2.log` before `pool-10.log`: without times the order is all
 * there is. `glob` says which files of a folder.
 */
export async function listSnapshotFiles(places: readonly string[], glob = LOG_GLOB): Promise<SnapshotFile[]> {
  const isAlphabetical = places.every((place, i) => i === 0 || places[i - 1] <= place);
  const ordered = isAlphabetical ? [...places].sort(compareNaturally) : places;
  const lists = await Promise.all(ordered.map(place => filesAt(place, glob)));
  const files = new Map<string, SnapshotFile>();
  for (const file of lists.flat()) if (!files.has(file.path)) files.set(file.path, file);
  return [...files.values()];
}

async function filesAt(place: string, glob: string): Promise<SnapshotFile[]> {
  try {
    // A pipe (`<(command)`) has no real path, so that what is no folder is taken as it is named.
    if (!(await stat(place)).isDirectory()) return [{ path: place }];
  } catch (error) {
    const matching = await filesOfPattern(place);
    return matching.length > 0 ? matching : [{ path: place, problem: unreadable(error) }];
  }
  return inOrder(await listDriverFiles([place], glob));
}

/** The command window of Windows leaves patterns to the program. */
async function filesOfPattern(pattern: string): Promise<SnapshotFile[]> {
  const slashed = process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern;
  if (!/[*?]/.test(slashed)) return [];
  const cut = slashed.search(/[^/]*[*?]/);
  const folder = slashed.slice(0, cut);
  const files = await listDriverFiles([folder === '' ? '.' : folder], slashed.slice(cut));
  // A pattern of a command window is one for this very folder.
  const depth = slashed.slice(cut).split('/').length;
  const below = files.filter(({ path }) => isAtDepth(path, folder, depth) || slashed.includes('**'));
  return inOrder(below.filter(({ problem }) => problem === undefined));
}

function isAtDepth(path: string, folder: string, depth: number): boolean {
  const rest = path.replaceAll('\\', '/').slice(folder.replace(/^(\.\/)+/, '').length);
  return rest.split('/').filter(part => part !== '').length === depth;
}

function inOrder(files: readonly SnapshotFile[]): SnapshotFile[] {
  return [...files].sort((a, b) => compareNaturally(a.path, b.path));
}

/** Numbers within names by their value. */
export function compareNaturally(a: string, b: string): number {
  const [first, second] = [a, b].map(text => text.match(/\d+|\D+/g) ?? []);
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    const [one, other] = [first[i], second[i]];
    if (one === other) continue;
    if (/^\d/.test(one) && /^\d/.test(other)) {
      const [x, y] = [one.replace(/^0+/, ''), other.replace(/^0+/, '')];
      const difference = x.length - y.length || (x < y ? -1 : x > y ? 1 : 0);
      if (difference !== 0) return difference;
    } else return one < other ? -1 : 1;
  }
  return first.length - second.length || (a < b ? -1 : a > b ? 1 : 0);
}
