/** Finds the files to scan: each named file, and in each folder what matches its pattern. */
import { type Dirent, readdir, realpath, stat, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import type { DriverService, RefusalReason } from '../../data/facts.ts';
import { unreadable } from './file-problems.ts';

type ReaddirDone = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

/** What a drivers folder is searched for, in any letter case. */
const DEFAULT_GLOB = '*.sys';

/** A file to scan, or a path that is known to give nothing. */
export interface ListedFile {
  /** The path as the user gave it, joined with what was found below. */
  path: string;
  /** Named by the user, so a link is followed. */
  isNamed: boolean;
  /** Set where the path cannot be scanned at all. */
  problem?: RefusalReason;
  /** What loads it, where that is known and matters before it is scanned. */
  services?: readonly DriverService[];
}

/** A folder to search that the program knows of, not the user: where it is missing, nothing is amiss. */
export interface SearchFolder {
  folder: string;
  /** Which files; a pattern without a slash holds at any depth that is searched. */
  glob: string;
  /** Whether what lies below is searched too. */
  isDeep: boolean;
}

/**
 * The files, each real path once: first what is under the named paths in the order of their paths, then what each
 * SearchFolder adds. A path that does not exist and a folder that cannot be read are in the list with their problem, so
 * that nothing the user named goes missing in silence.
 */
export async function listDriverFiles(
  places: readonly (string | SearchFolder)[],
  glob = DEFAULT_GLOB,
): Promise<ListedFile[]> {
  const byRealPath = new Map<string, ListedFile>();
  const named = places.filter(place => typeof place === 'string');
  const folders = places.filter(place => typeof place !== 'string');
  const lists = [
    inOrder((await Promise.all(named.map(path => filesAt(path, glob)))).flat()),
    ...(await Promise.all(folders.map(async place => inOrder(await filesInKnownFolder(place))))),
  ];
  for (const [key, file] of lists.flat()) {
    if (!byRealPath.has(key)) byRealPath.set(key, file);
  }
  return [...byRealPath.values()];
}

/** A file and what tells it from all others, whatever it is called by. */
type FileAtRealPath = [realPath: string, file: ListedFile];

function inOrder(files: FileAtRealPath[]): FileAtRealPath[] {
  return files.sort(([, a], [, b]) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

async function filesAt(path: string, glob: string): Promise<FileAtRealPath[]> {
  try {
    const real = await promisify(realpath.native)(path);
    const facts = await promisify(stat)(real);
    if (!facts.isDirectory()) return [[real, { path, isNamed: true }]];
    return await filesInFolder(real, { folder: path, glob, isDeep: true });
  } catch (error) {
    return [[path, { path, isNamed: true, problem: unreadable(error) }]];
  }
}

async function filesInKnownFolder(place: SearchFolder): Promise<FileAtRealPath[]> {
  const real = await promisify(realpath.native)(place.folder).catch(() => undefined);
  return real === undefined ? [] : await filesInFolder(real, place);
}

async function filesInFolder(
  realFolder: string,
  { folder, glob, isDeep }: SearchFolder,
): Promise<FileAtRealPath[]> {
  // A scan of named files alone has no use for it, and it takes 14 ms to load.
  const { default: fg } = await import('fast-glob');
  const failures: FileAtRealPath[] = [];
  const place = (below: string): [string, string] => [join(realFolder, below), join(folder, below)];
  const found = await fg.glob(sep === '\\' ? glob.replaceAll('\\', '/') : glob, {
    // As the working directory, a folder's name is never read as a pattern.
    cwd: realFolder,
    baseNameMatch: true,
    caseSensitiveMatch: false,
    deep: isDeep ? Number.POSITIVE_INFINITY : 1,
    dot: true,
    onlyFiles: true,
    followSymbolicLinks: false,
    suppressErrors: true,
    // suppressErrors skips a folder without a word; this is where the word comes from.
    fs: {
      readdir: ((path: string, options: { withFileTypes: true }, done: ReaddirDone) =>
        readdir(path, options, (error, entries) => {
          if (error !== null) {
            const [key, shown] = place(relative(realFolder, path));
            failures.push([key, { path: shown, isNamed: false, problem: unreadable(error) }]);
          }
          done(error, entries);
        })) as typeof readdir,
    },
  });
  const files = found.map((below): FileAtRealPath => {
    const [key, path] = place(below);
    return [key, { path, isNamed: false }];
  });
  return [...failures, ...files];
}

/** What the files hold together, counted no further than `enough`. */
export function totalBytes(files: readonly ListedFile[], enough: number): number {
  let bytes = 0;
  for (const { path, problem } of files) {
    if (bytes >= enough) break;
    if (problem === undefined) bytes += sizeOf(path);
  }
  return bytes;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    // Whoever reads the file will say what is wrong with it.
    return 0;
  }
}
