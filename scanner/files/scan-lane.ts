/** A ScanLane scans one file at a time in a worker thread, within bounds, and outlives any worker that a file kills. */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { ScanOutcome } from '../../data/facts.ts';
import type { TagExplanation } from '../explain/tag-explanation.ts';
import type { WorkerMessage, WorkerRequest, WorkerSettings } from '../scan-worker.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';
import { HEAP_MB, newScanThread, takeScanThread } from './scan-thread.ts';
import { WorkTimer } from './work-timer.ts';

/** What one file may cost. */
export interface ScanLimits {
  /** From asking for the file until its bytes are here, the start of the worker included. */
  readMs: number;
  /** From then on, of the processor's time: see WorkTimer. */
  baseMs: number;
  msPerMb: number;
  /** JavaScript heap of the worker; the file's bytes lie outside of it. */
  heapMb: number;
}

/**
 * A driver of 8 MB takes about half a second and stays far below this heap; a file that needs more is built to. Reading
 * waits a minute: so long Windows itself waits for a share that is gone, and so long the largest file takes at 5 MB/s.
 */
const LIMITS: ScanLimits = { readMs: 60_000, baseMs: 2000, msPerMb: 100, heapMb: HEAP_MB };
/** How long a worker may take to end: at once, but for one that waits in the system for a disk that does not answer. */
const CLOSE_MS = 1000;

export interface LaneResult {
  outcome: ScanOutcome;
  /** Where one was asked for; null where the driver has no site of the tag. */
  explanation?: TagExplanation | null;
  elapsedMs: number;
  /** Why outcomes cannot be kept for a next scan, if they cannot. */
  cacheProblem?: string;
}

export class ScanLane {
  readonly #workerUrl: URL | undefined;
  readonly #limits: ScanLimits;
  readonly #settings: WorkerSettings;
  #worker: Worker | undefined;

  /** `settings` go to each worker of this lane as they are; tests have workers and limits of their own. */
  constructor(
    settings: WorkerSettings,
    { workerUrl, limits = LIMITS }: { workerUrl?: URL; limits?: ScanLimits } = {},
  ) {
    this.#settings = settings;
    this.#workerUrl = workerUrl;
    this.#limits = limits;
  }

  /** Starts the worker ahead of its first file: loading its code then costs the caller no time. */
  start(): void {
    this.#startedWorker(() => {});
  }

  /** Scans one file; never rejects. Call it again only when the last call is done. */
  scan(file: ListedFile): Promise<LaneResult> {
    const startedMs = performance.now();
    const { readMs } = this.#limits;
    return new Promise(resolve => {
      const giveUp = (why: string) => {
        const reason = { code: 'scan-failed', message: `The scan was given up: ${why}.` } as const;
        resolve({ outcome: refused(basename(file.path), reason), elapsedMs: performance.now() - startedMs });
      };
      const worker = this.#startedWorker(giveUp);
      if (worker === undefined) return;
      const reading = setTimeout(() => lose(`it could not be read within ${readMs / 1000} s`), readMs);
      let scanning: WorkTimer | undefined;
      const letGo = () => {
        clearTimeout(reading);
        scanning?.stop();
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      };
      const lose = (why: string) => {
        letGo();
        this.#worker = undefined;
        void worker.terminate();
        giveUp(why);
      };
      const onMessage = (message: WorkerMessage) => {
        if (message.kind === 'done') {
          letGo();
          const { kind: _kind, ...result } = message;
          return resolve(result);
        }
        clearTimeout(reading);
        const limitMs = timeLimitMs(message.sizeBytes, this.#limits);
        scanning = new WorkTimer(limitMs, () => lose(`it took longer than ${limitMs / 1000} s`));
      };
      const onError = (error: Error) => lose(wordsFor(error, this.#limits));
      const onExit = (code: number) => lose(`its thread ended with code ${code}`);
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage({ kind: 'scan', file } satisfies WorkerRequest);
    });
  }

  /** Ends the worker, whatever it is doing; one that the system holds is left behind. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([worker.terminate(), delay(CLOSE_MS, undefined, { signal }).catch(() => {})]);
    waiting.abort();
  }

  #startedWorker(giveUp: (why: string) => void): Worker | undefined {
    try {
      this.#worker ??= this.#newWorker();
    } catch (error) {
      // The system has no thread left, or no memory for one.
      giveUp(`no worker thread could be started (${error instanceof Error ? error.message : error})`);
    }
    return this.#worker;
  }

  #newWorker(): Worker {
    const isOwn = this.#workerUrl !== undefined || this.#limits !== LIMITS;
    const worker = isOwn ? newScanThread(this.#workerUrl, this.#limits.heapMb) : takeScanThread();
    worker.postMessage({ kind: 'settings', settings: this.#settings } satisfies WorkerRequest);
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }
}

function timeLimitMs(sizeBytes: number, limits: ScanLimits): number {
  return Math.round(limits.baseMs + (sizeBytes / 1_000_000) * limits.msPerMb);
}

function wordsFor(error: Error, limits: ScanLimits): string {
  const isMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isMemory ? `it needed more than ${limits.heapMb} MB of memory` : error.message.replace(/\.$/, '');
}
