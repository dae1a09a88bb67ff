/** A ScanLane scans one file after the other in a worker thread, within bounds, and outlives any worker that a file kills. */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { ScanOutcome, TagSighting } from '../../data/facts.ts';
import type { TagExplanation } from '../explain/tag-explanation.ts';
import type { WorkerMessage, WorkerRequest, WorkerSettings } from '../scan-worker.ts';
import type { ListedFile } from './file-list.ts';
import { refused } from './file-problems.ts';
import { outcomeFromParts } from './outcome-parts.ts';
import { HEAP_MB, newScanThread, takeScanThread } from './scan-thread.ts';
import { StopFlag } from './stop-flag.ts';
import { WorkTimer } from './work-timer.ts';

/** What one file may cost. */
export interface ScanLimits {
  /** From asking for the file until its bytes are here, the start of the worker included. */
  readMs: number;
  /** From then on, of the processor's time (see WorkTimer), until the search is to end with what it has found. */
  baseMs: number;
  msPerMb: number;
  /** JavaScript heap of the worker; the file's bytes lie outside of it. */
  heapMb: number;
}

/**
 * A driver of 8 MB takes about half a second and stays far below this heap; the slowest real one known, KMDF 1.9 for x86,
 * takes 1.5 s of a slow machine for its 0.4 MB. What is built to take longer mostly ends with its work, and gives what was
 * found, before its time is over, which costs all of that. Reading waits a minute: so long Windows itself waits for a share
 * that is gone, and so long the largest file takes at 5 MB/s.
 */
const LIMITS: ScanLimits = { readMs: 60_000, baseMs: 6000, msPerMb: 400, heapMb: HEAP_MB };
/** A search that is to end has this share of its time more; then its worker is ended. */
const GRACE_SHARE = 0.5;
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

/** A file that was asked for, and who waits for it. */
interface Job {
  file: ListedFile;
  /** Counted from 1 in a lane. */
  number: number;
  startedMs: number;
  resolve(result: LaneResult): void;
}

export class ScanLane {
  readonly #workerUrl: URL | undefined;
  readonly #limits: ScanLimits;
  readonly #settings: WorkerSettings;
  readonly #stop = new StopFlag();
  #asked = 0;
  #worker: Worker | undefined;
  #closing: Promise<void> | undefined;
  /** What the worker has been asked for: it scans the first, and finds the next there when that is done. */
  readonly #jobs: Job[] = [];
  /** Of the first job, where its outcome comes in parts. */
  #sightings: TagSighting[] = [];
  /** The limits of the first job. */
  #reading: NodeJS.Timeout | undefined;
  #scanning: WorkTimer | undefined;

  /** `settings` go to each worker of this lane as they are; tests have workers and limits of their own. */
  constructor(
    settings: WorkerSettings,
    { workerUrl, limits = LIMITS }: { workerUrl?: URL; limits?: ScanLimits } = {},
  ) {
    this.#settings = settings;
    this.#workerUrl = workerUrl;
    this.#limits = limits;
  }

  /** Files that were asked for and are not done. */
  get pending(): number {
    return this.#jobs.length;
  }

  /** Starts the worker ahead of its first file: loading its code then costs the caller no time. */
  start(): void {
    try {
      this.#worker ??= this.#newWorker();
    } catch {
      // Whoever scans is told when it tries again.
    }
  }

  /** Scans one file after those that were asked for before; never rejects. */
  scan(file: ListedFile): Promise<LaneResult> {
    return new Promise(resolve => {
      this.#jobs.push({ file, number: ++this.#asked, startedMs: performance.now(), resolve });
      this.#ask(this.#jobs.length - 1);
    });
  }

  /**
   * Ends the worker, whatever it is doing, and gives up its files; one that the system holds is left behind. A closed lane
   * is asked for nothing more.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#stopLimits();
    for (const job of this.#jobs.splice(0)) this.#giveUp(job, 'it was ended');
    if (worker === undefined) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([worker.terminate(), delay(CLOSE_MS, undefined, { signal }).catch(() => {})]);
    waiting.abort();
  }

  /** Gives the worker the jobs from a place on; where none can be started, they are given up. */
  #ask(from: number): void {
    try {
      this.#worker ??= this.#newWorker();
    } catch (error) {
      // The system has no thread left, or no memory for one.
      const why = `no worker thread could be started (${error instanceof Error ? error.message : error})`;
      for (const job of this.#jobs.splice(from)) this.#giveUp(job, why);
      return;
    }
    for (const { file, number } of this.#jobs.slice(from))
      this.#worker.postMessage({ kind: 'scan', file, job: number } satisfies WorkerRequest);
    if (from === 0) this.#beginFirst();
  }

  /** The limits of the first job begin, if there is one. */
  #beginFirst(): void {
    this.#sightings = [];
    const [job] = this.#jobs;
    if (job === undefined) return;
    const { readMs } = this.#limits;
    job.startedMs = performance.now();
    this.#reading = setTimeout(() => this.#lose(`it could not be read within ${readMs / 1000} s`), readMs);
  }

  #stopLimits(): void {
    clearTimeout(this.#reading);
    this.#scanning?.stop();
    this.#scanning = undefined;
  }

  #take(message: WorkerMessage): void {
    if (message.kind === 'done') {
      this.#stopLimits();
      const { explanation, elapsedMs, cacheProblem } = message;
      const outcome = outcomeFromParts(this.#sightings, JSON.parse(message.outcomeJson) as ScanOutcome);
      this.#jobs.shift()?.resolve({ outcome, explanation, elapsedMs, cacheProblem });
      return this.#beginFirst();
    }
    if (message.kind === 'sightings') {
      for (const sighting of JSON.parse(message.sightingsJson)) this.#sightings.push(sighting);
      return;
    }
    this.#stopLimits(); // a file is read again where a tag of it is explained
    const limitMs = timeLimitMs(message.sizeBytes, this.#limits);
    this.#scanning = new WorkTimer(limitMs, () => this.#hurry(limitMs));
  }

  /** The time of the first job is over: it is asked for what it has, and lost where it does not answer soon. */
  #hurry(limitMs: number): void {
    const [job] = this.#jobs;
    if (job === undefined) return;
    this.#stop.stop(job.number);
    const why = `it took longer than ${limitMs / 1000} s`;
    this.#scanning = new WorkTimer(limitMs * GRACE_SHARE, () => this.#lose(why));
  }

  /** The worker is lost, and with it the first job; another one is given the rest. */
  #lose(why: string): void {
    this.#stopLimits();
    void this.#worker?.terminate();
    this.#worker = undefined;
    const job = this.#jobs.shift();
    if (job === undefined) return;
    this.#giveUp(job, why);
    if (this.#jobs.length > 0) this.#ask(0);
  }

  #giveUp({ file, startedMs, resolve }: Job, why: string): void {
    const reason = { code: 'scan-failed', message: `The scan was given up: ${why}.` } as const;
    resolve({ outcome: refused(basename(file.path), reason), elapsedMs: performance.now() - startedMs });
  }

  #newWorker(): Worker {
    const isOwn = this.#workerUrl !== undefined || this.#limits !== LIMITS;
    const worker = isOwn ? newScanThread(this.#workerUrl, this.#limits.heapMb) : takeScanThread();
    worker.postMessage({
      kind: 'settings',
      settings: this.#settings,
      stop: this.#stop.buffer,
    } satisfies WorkerRequest);
    // One that was given up may still have something to say.
    const ifCurrent = (act: () => void) => {
      if (this.#worker === worker) act();
    };
    worker
      .on('message', (message: WorkerMessage) => ifCurrent(() => this.#take(message)))
      .on('error', error => ifCurrent(() => this.#lose(wordsFor(error, this.#limits))))
      .on('exit', code => ifCurrent(() => this.#lose(`its thread ended with code ${code}`)));
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
