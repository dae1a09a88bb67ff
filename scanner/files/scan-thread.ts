/** The threads that scan: how one is started, and those that are started ahead of their time. */
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { workerArguments, workerUrl } from './worker-start.ts';

/** Three times what is filled between two collections. More is memory that is new to the system, and costs more than the collector then spares. */
const YOUNG_HEAP_MB = 16;

const WORKER_URL = workerUrl('scanner/scan-worker');

/** JavaScript heap of a thread; a file's bytes lie outside of it. A file that needs more is built to. */
export const HEAP_MB = 512;

/** Threads that were started for whoever takes the next one. */
const ready: Worker[] = [];

/**
 * Starts a thread for whoever scans next. A process that is going to scan does it first of all: the thread loads the
 * analysis while the process loads the rest, which makes a scan of one small driver a fifth shorter.
 */
export function startScanThread(): void {
  try {
    const thread = newScanThread();
    ready.push(thread);
    thread.unref(); // nobody may come for it
    thread.on('exit', () => {
      const at = ready.indexOf(thread);
      if (at >= 0) ready.splice(at, 1);
    });
  } catch {
    // Whoever scans is told when it tries again.
  }
}

/** Of an argument that may be a path, or an option. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // what the scan will complain about, if it is no option
  }
}

/** A thread that waits for its settings: one that was started ahead, or a new one. Throws where none can be had. */
export function takeScanThread(): Worker {
  const thread = ready.shift() ?? newScanThread();
  thread.ref();
  return thread;
}

/** Throws where the system has no thread left, or no memory for one. */
export function newScanThread(url = WORKER_URL, heapMb = HEAP_MB): Worker {
  const thread = new Worker(url, {
    execArgv: workerArguments(),
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
  });
  // One that dies between two files costs none; without a listener its error would end the process.
  thread.on('error', () => {});
  return thread;
}
