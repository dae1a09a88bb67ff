/** A ScanLane scans one file at a time in a worker thread, within bounds, and outlives any worker that a file kills. */
import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ScanOutcome } from '../../data/facts.ts';
import type { WorkerMessage } from '../scan-worker.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './scan-driver-file.ts';

/** A driver of 8 MB takes about half a second; a file that takes this long is built to. */
const BASE_LIMIT_MS = 2000;
const LIMIT_MS_PER_MB = 100;
/** The analysis of a 60 MB driver stays below; file bytes are outside of this heap. */
const HEAP_LIMIT_MB = 512;
/** Analysis makes much short-lived garbage; with the usual 16 MB the collector copies more of it. */
const YOUNG_HEAP_MB = 64;

export interface LaneResult {
  outcome: ScanOutcome;
  elapsedMs: number;
}

/** Compiled, this is JavaScript and so is the worker; run from source, both are TypeScript. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const WORKER_URL = new URL(`../scan-worker.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url);

export class ScanLane {
  #worker: Worker | undefined;

  /** Scans one file; never rejects. Call it again only when the last call is done. */
  scan(file: ListedFile): Promise<LaneResult> {
    const startedMs = performance.now();
    const worker = this.#startedWorker();
    return new Promise(resolve => {
      let timer: NodeJS.Timeout | undefined;
      const finish = (result: LaneResult) => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        resolve(result);
      };
      const lose = (why: string) => {
        this.#worker = undefined;
        void worker.terminate();
        const reason = { code: 'scan-failed', message: `The scan was given up: ${why}.` } as const;
        finish({
          outcome: refused(basename(file.path), reason),
          elapsedMs: performance.now() - startedMs,
        });
      };
      const onMessage = (message: WorkerMessage) => {
        if (message.kind === 'done') return finish(message);
        const limitMs = timeLimitMs(message.sizeBytes);
        timer = setTimeout(() => lose(`it took longer than ${limitMs / 1000} s`), limitMs);
      };
      const onError = (error: Error) => lose(wordsFor(error));
      const onExit = (code: number) => lose(`its thread ended with code ${code}`);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage(file);
    });
  }

  /** Ends the worker, whatever it is doing. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #startedWorker(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(WORKER_URL, {
      execArgv: workerArguments(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
    });
    // A worker that dies between two files costs none; without a listener its error would end the process.
    worker.on('error', () => {});
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }
}

/** Before Node strips types itself, a thread does not inherit the loader that reads TypeScript: only tests meet this. */
function workerArguments(): string[] | undefined {
  if (!IS_SOURCE || ('typescript' in process.features && process.features.typescript)) return undefined;
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return ['--import', `data:text/javascript,import{register}from${loader};register()`];
}

function timeLimitMs(sizeBytes: number): number {
  return Math.round(BASE_LIMIT_MS + (sizeBytes / 1_000_000) * LIMIT_MS_PER_MB);
}

function wordsFor(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return `it needed more than ${HEAP_LIMIT_MB} MB of memory`;
  }
  return error instanceof Error ? error.message : String(error);
}
