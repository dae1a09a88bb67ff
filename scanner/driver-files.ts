/** scanFiles: files and folders in, a stream of outcomes out. Here, in files/ and in the worker the scanner meets the disk. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import type { ScanOutcome } from '../data/facts.ts';
import { type ListedFile, listDriverFiles, totalBytes } from './files/file-list.ts';
import { type LaneResult, ScanLane } from './files/scan-lane.ts';

/** A further worker pays for its start and for warming up (0.1 s of a core each) from about this much on. */
const BYTES_PER_WORKER = 8 * 1024 * 1024;

export interface ScanFilesOptions {
  /** Files, which are always tried, and folders, which are searched with all that lies below. */
  paths: readonly string[];
  /** Which files of a folder; default `*.sys`. A pattern without a slash holds at any depth. Letter case is ignored. */
  glob?: string;
  /** Ends the stream at once and without an error; what came before stands. */
  signal?: AbortSignal;
  /** Worker threads; 0 scans in this thread, where a file that kills the scan ends the process. Default `auto`. */
  workers?: number | 'auto';
  /** Told the number of files before the first is scanned. */
  onPlan?: (total: number) => void;
}

export interface ScannedFile {
  /** The path as named, or the named folder joined with what was found below it. */
  file: string;
  outcome: ScanOutcome;
  /** Reading, hashing and scanning. */
  elapsedMs: number;
}

/**
 * Scans files in the order of their paths and yields each when it is done. Never throws for a file: what cannot be
 * found, read or scanned is an outcome like any other. At most one file per worker is in memory, and no new one is
 * begun while the reader of the stream holds it up.
 */
export async function* scanFiles(options: ScanFilesOptions): AsyncGenerator<ScannedFile, void, void> {
  const { signal } = options;
  const files = await listDriverFiles(options.paths, options.glob);
  if (signal?.aborted) return;
  options.onPlan?.(files.length);
  const workers = workerCount(options.workers ?? 'auto', files);
  yield* workers === 0 ? scanHere(files, signal) : scanInWorkers(files, workers, signal);
}

function workerCount(wanted: number | 'auto', files: readonly ListedFile[]): number {
  if (wanted !== 'auto') return Math.min(wanted, files.length);
  const cores = availableParallelism();
  const worthwhile = Math.ceil(totalBytes(files, cores * BYTES_PER_WORKER) / BYTES_PER_WORKER);
  return Math.min(cores, files.length, Math.max(1, worthwhile));
}

async function* scanHere(files: readonly ListedFile[], signal?: AbortSignal): AsyncGenerator<ScannedFile> {
  // The analysis is loaded here alone: beside workers, this thread has no use for it.
  const { scanDriverFile } = await import('./files/scan-driver-file.ts');
  for (const file of files) {
    if (signal?.aborted) return;
    const startedMs = performance.now();
    const outcome = scanDriverFile(file);
    yield { file: file.path, outcome, elapsedMs: rounded(performance.now() - startedMs) };
    // Lets signals and timers in between two files.
    await setImmediate();
  }
}

async function* scanInWorkers(
  files: readonly ListedFile[],
  workers: number,
  signal?: AbortSignal,
): AsyncGenerator<ScannedFile> {
  const waiting = files.values();
  const running = new Map<ScanLane, Promise<{ lane: ScanLane; file: string; result: LaneResult }>>();
  const lanes = Array.from({ length: workers }, () => new ScanLane());
  const begin = (lane: ScanLane) => {
    const { value: file, done } = waiting.next();
    if (done) running.delete(lane);
    else
      running.set(
        lane,
        lane.scan(file).then(result => ({ lane, file: file.path, result })),
      );
  };
  const aborted = abortOf(signal);
  try {
    lanes.forEach(begin);
    while (running.size > 0) {
      const finished = await Promise.race([aborted.promise, ...running.values()]);
      if (finished === undefined || signal?.aborted) return;
      begin(finished.lane);
      const { outcome, elapsedMs } = finished.result;
      yield { file: finished.file, outcome, elapsedMs: rounded(elapsedMs) };
    }
  } finally {
    aborted.forget();
    await Promise.all(lanes.map(lane => lane.close()));
  }
}

/** To hundredths of a millisecond: what the clock can tell. */
function rounded(elapsedMs: number): number {
  return Math.round(elapsedMs * 100) / 100;
}

/** A promise that ends when the signal does, and the means to let go of the signal. */
function abortOf(signal: AbortSignal | undefined): { promise: Promise<undefined>; forget: () => void } {
  let forget = () => {};
  const promise = new Promise<undefined>(resolve => {
    const onAbort = () => resolve(undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    forget = () => signal?.removeEventListener('abort', onAbort);
  });
  return { promise, forget };
}
