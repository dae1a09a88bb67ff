/** scanFiles: files and folders in, a stream of outcomes out. Here, in files/, cache/ and the worker the scanner meets the disk. */
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ScanOutcome } from '../data/facts.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import type { TagExplanation } from './explain/tag-explanation.ts';
import type { DriverServices } from './files/driver-services.ts';
import { type ListedFile, listDriverFiles, type SearchFolder } from './files/file-list.ts';
import { type LaneFile, scanInWorkers } from './files/scan-in-workers.ts';
import type { WorkerSettings } from './scan-worker.ts';
import { withServices } from './service-tags.ts';

export interface ScanFilesOptions {
  /** Files, which are always tried, folders, which are searched with all that lies below, and folders that may be there. */
  paths: readonly (string | SearchFolder)[];
  /** Which files of a named folder; default `*.sys`. A pattern without a slash holds at any depth. Letter case is ignored. */
  glob?: string;
  /** Ends the stream without an error; what is done by then is still yielded. */
  signal?: AbortSignal;
  /** Worker threads; 0 scans in this thread, where a file that kills the scan ends the process. Default `auto`. */
  workers?: number | 'auto';
  /** The user's cache folder, where outcomes are kept for the next scan; without it none are. */
  cacheFolder?: string | null;
  /** Folders of PDBs and symbol stores, searched after the folder of each driver. */
  symbolFolders?: readonly string[];
  /** The tags that an input may mean: the first of them that a driver uses is explained, with its code. */
  explain?: readonly PoolTag[];
  /** This computer's services, for the outcomes; without them nothing is said of services. */
  services?: Promise<DriverServices | null> | null;
  /** Told the number of files before the first is scanned. */
  onPlan?: (total: number) => void;
  /** Told once, in a sentence, where outcomes cannot be kept. */
  onCacheProblem?: (problem: string) => void;
}

export interface ScannedFile {
  /** The path as named, or the searched folder joined with what was found below it. */
  file: string;
  outcome: ScanOutcome;
  /** Where one was asked for; null where the driver has no site of the tag. */
  explanation?: TagExplanation | null;
  /** Reading, hashing and scanning; where the outcome was kept by an earlier scan, finding it. */
  elapsedMs: number;
  /** The first path of this scan that has a file of the same name with the same bytes. */
  sameAs?: string;
}

/**
 * Scans files in the order of {@link listDriverFiles} and yields each when it is done. Never throws for a file: what
 * cannot be found, read or scanned is an outcome like any other. At most one file per worker is in memory, and no new
 * one is begun while the reader of the stream holds it up.
 */
export async function* scanFiles(options: ScanFilesOptions): AsyncGenerator<ScannedFile, void, void> {
  const { signal, workers = 'auto', onPlan } = options;
  const { cacheFolder = null, symbolFolders = [], explain } = options;
  const settings = { cacheFolder, symbolFolders, explain };
  if (signal?.aborted) return;
  const listing = listDriverFiles(options.paths, options.glob).then(async files => {
    if (!signal?.aborted) onPlan?.(files.length);
    // A tag that is made of a service's name cannot be explained without.
    const services = explain === undefined ? null : await options.services;
    return services ? files.map(file => ({ ...file, services: services.of(file.path) })) : files;
  });
  const results = keptThenScanned(listing, settings, workers, signal);
  let { onCacheProblem } = options;
  const firstPaths = new Map<string, string>();
  for await (const { file, outcome, explanation, elapsedMs, cacheProblem } of results) {
    if (cacheProblem !== undefined) {
      onCacheProblem?.(cacheProblem);
      onCacheProblem = undefined;
    }
    const services = await options.services;
    yield {
      file,
      outcome: services && outcome.status === 'scanned' ? withServices(outcome, services.of(file)) : outcome,
      explanation,
      elapsedMs: Math.round(elapsedMs * 100) / 100,
      ...sameFile(file, outcome, firstPaths),
    };
  }
}

async function* keptThenScanned(
  listing: Promise<readonly ListedFile[]>,
  settings: WorkerSettings,
  workers: number | 'auto',
  signal?: AbortSignal,
): AsyncGenerator<LaneFile> {
  const { cacheFolder, explain } = settings;
  let files = listing;
  // What a tag's use looks like is in the bytes: for an explanation they are read.
  if (cacheFolder !== null && existsSync(cacheFolder) && explain === undefined) {
    const changed = yield* keptOutcomes(await listing, cacheFolder, settings.symbolFolders, signal);
    if (changed.length === 0 || signal?.aborted) return;
    files = Promise.resolve(changed);
  }
  yield* workers === 0 ? scanHere(files, settings, signal) : scanInWorkers(files, workers, settings, signal);
}

async function* keptOutcomes(
  files: readonly ListedFile[],
  cacheFolder: string,
  symbolFolders: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<LaneFile, ListedFile[]> {
  const { ScanCache } = await import('./cache/scan-cache.ts');
  const { SymbolFiles } = await import('./files/symbol-files.ts');
  const { unchangedFiles } = await import('./files/unchanged-files.ts');
  return yield* unchangedFiles(files, new ScanCache(cacheFolder), new SymbolFiles(symbolFolders), { signal });
}

async function* scanHere(
  listing: Promise<readonly ListedFile[]>,
  { cacheFolder, symbolFolders, explain }: WorkerSettings,
  signal?: AbortSignal,
): AsyncGenerator<LaneFile> {
  // Beside workers, this thread has no use for these.
  const { explainDriverFile } = await import('./files/explain-driver-file.ts');
  const { ScanCache } = await import('./cache/scan-cache.ts');
  const { SymbolFiles } = await import('./files/symbol-files.ts');
  const cache = cacheFolder === null ? undefined : new ScanCache(cacheFolder);
  const symbolFiles = new SymbolFiles(symbolFolders);
  for (const file of await listing) {
    if (signal?.aborted) return;
    const startedMs = performance.now();
    const explained = await explainDriverFile(file, explain, { cache, symbolFiles });
    yield {
      file: file.path,
      ...explained,
      elapsedMs: performance.now() - startedMs,
      cacheProblem: cache?.problem,
    };
    // Lets signals and timers in between two files.
    await setImmediate();
  }
}

/** A driver store holds most drivers a second time: whoever reads on should know them again. */
function sameFile(
  file: string,
  outcome: ScanOutcome,
  firstPaths: Map<string, string>,
): Pick<ScannedFile, 'sameAs'> {
  if (outcome.status !== 'scanned') return {};
  const { sha256, fileName } = outcome.driver;
  const key = `${sha256} ${fileName.toLowerCase()}`;
  const sameAs = firstPaths.get(key);
  if (sameAs === undefined) firstPaths.set(key, file);
  return sameAs === undefined ? {} : { sameAs };
}
