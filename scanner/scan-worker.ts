/** The worker thread: scans one file after the other for a ScanLane. */
import './compiler-advice.ts';
import { existsSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { PoolTag } from '../data/pool-tag.ts';
import { ScanCache } from './cache/scan-cache.ts';
import type { TagExplanation } from './explain/tag-explanation.ts';
import { explainDriverFile } from './files/explain-driver-file.ts';
import type { ListedFile } from './files/file-list.ts';
import { outcomeInParts } from './files/outcome-parts.ts';
import { StopFlag } from './files/stop-flag.ts';
import { SymbolFiles } from './files/symbol-files.ts';

/** What the worker is told once, when it starts. */
export interface WorkerSettings {
  /** The user's cache folder; null keeps nothing. */
  cacheFolder: string | null;
  /** Where PDBs are looked for, beside the drivers' own folders. */
  symbolFolders: readonly string[];
  /** What an input may mean: the first of these tags that a driver uses is explained. Without it none is. */
  explain?: readonly PoolTag[];
}

/** What the worker is asked; its settings come first, with the memory of the lane's StopFlag. */
export type WorkerRequest =
  | { kind: 'settings'; settings: WorkerSettings; stop: SharedArrayBuffer }
  | { kind: 'scan'; file: ListedFile; job: number };

/** What the worker says: that the bytes of its file are read and will be scanned, and how it came out, in parts where that is long. */
export type WorkerMessage =
  | { kind: 'read'; sizeBytes: number }
  | { kind: 'sightings'; sightingsJson: string }
  | {
      kind: 'done';
      /**
       * The outcome as JSON, with the sightings that no message before had. As an object with its ten thousands of parts, a thread takes three times as long to receive it
       * as to parse this.
       */
      outcomeJson: string;
      /** Where one was asked for; null where the driver has no site of the tag. */
      explanation?: TagExplanation | null;
      elapsedMs: number;
      /** Why outcomes cannot be kept, if they cannot. */
      cacheProblem?: string;
    };

const port = parentPort;
if (port === null) throw new Error('scan-worker runs as a worker thread only.');
const say = (message: WorkerMessage) => port.postMessage(message);

let scan: ((file: ListedFile, job: number) => Promise<void>) | undefined;
/** The next file waits here while one is scanned, since both would use the same buffer. */
let last: Promise<void> | undefined;
port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'settings') scan = scanWith(request.settings, new StopFlag(request.stop));
  else last = Promise.resolve(last).then(() => scan?.(request.file, request.job));
});

function scanWith(
  { cacheFolder, symbolFolders, explain }: WorkerSettings,
  stop: StopFlag,
): (file: ListedFile, job: number) => Promise<void> {
  const cache = cacheFolder === null ? undefined : new ScanCache(cacheFolder);
  const symbolFiles = new SymbolFiles(symbolFolders);
  // No scan has been kept yet, so that the first file will need the analysis: it is loaded while the files are listed.
  const isFilled = cacheFolder !== null && existsSync(cacheFolder);
  if (!isFilled) import('./scan-driver.ts').catch(() => {}); // the first file says what is wrong
  return async (file, job) => {
    const startedMs = performance.now();
    const { outcome, explanation } = await explainDriverFile(file, explain, {
      cache,
      symbolFiles,
      isStopped: () => stop.isStopped(job),
      onRead: sizeBytes => say({ kind: 'read', sizeBytes }),
    });
    const { parts, rest } = outcomeInParts(outcome);
    for (const part of parts) say({ kind: 'sightings', sightingsJson: JSON.stringify(part) });
    const outcomeJson = JSON.stringify(rest);
    const elapsedMs = performance.now() - startedMs;
    say({ kind: 'done', outcomeJson, explanation, elapsedMs, cacheProblem: cache?.problem });
  };
}
