/** WorkerAnalysis: the analysis of leaks in a thread of its own, since a report on thousands of tags takes seconds. */
import { Worker } from 'node:worker_threads';
import { workerArguments, workerUrl } from '../../scanner/files/worker-start.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import type { AnalysisRequest } from './analysis-worker.ts';
import type { Analysis } from './watch-verdicts.ts';

/** 4,000 tags with all the points that are kept need a sixth of this. */
const HEAP_MB = 512;

const WORKER_URL = workerUrl('api/watch/analysis-worker');

export class WorkerAnalysis implements Analysis {
  readonly #workerUrl: URL;
  #worker: Worker | undefined;
  /** The first snapshot waits for the second: who wants one only starts no thread. */
  #first: PoolSnapshot | undefined;
  #waiting: { resolve(tags: TagTrend[]): void; reject(error: Error): void } | undefined;
  #ended: Error | undefined;

  constructor(url = WORKER_URL) {
    this.#workerUrl = url;
  }

  add(snapshot: PoolSnapshot): void {
    if (this.#ended !== undefined) return;
    if (this.#worker === undefined && this.#first === undefined) {
      this.#first = snapshot;
      return;
    }
    this.#ask({ kind: 'add', snapshot });
  }

  /** Rejects where the thread has ended. Ask again only when the last report is there. */
  report(): Promise<TagTrend[]> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) reject(this.#ended);
      else {
        this.#waiting = { resolve, reject };
        this.#ask({ kind: 'report' });
      }
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(request: AnalysisRequest): void {
    this.#worker ??= this.#started();
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined)
      this.#worker.postMessage({ kind: 'add', snapshot: first } satisfies AnalysisRequest);
    this.#worker.postMessage(request);
  }

  #started(): Worker {
    const worker = new Worker(this.#workerUrl, {
      execArgv: workerArguments(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.on('message', (tags: TagTrend[]) => {
      this.#waiting?.resolve(tags);
      this.#waiting = undefined;
    });
    worker.on('error', error => this.#end(error as Error));
    worker.on('exit', code => this.#end(new Error(`the analysis ended with code ${code}`)));
    return worker;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(this.#ended);
    this.#waiting = undefined;
  }
}
