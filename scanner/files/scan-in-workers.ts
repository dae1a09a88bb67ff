/** scanInWorkers: files spread over worker threads, each yielded when it is done. */
import { availableParallelism } from 'node:os';
import type { WorkerSettings } from '../scan-worker.ts';
import { type ListedFile, totalBytes } from './file-list.ts';
import { type LaneResult, ScanLane } from './scan-lane.ts';

/** A further worker pays for its start and for warming up (0.1 s of a core each) from about this much on. */
const BYTES_PER_WORKER = 8 * 1024 * 1024;
/** Each worker holds 40 to 80 MB; with more than these, the disk is what a scan waits for. */
const MAX_WORKERS = 8;

/** One file as a lane gave it back. */
export interface LaneFile extends LaneResult {
  file: string;
}

/**
 * Scans the files of a list that is still being made. A worker has one file and the next at most, so that it never waits for
 * us; none is begun while the reader holds up the stream. When the signal ends, what is done by then is yielded and the rest is given up.
 */
export async function* scanInWorkers(
  listing: Promise<readonly ListedFile[]>,
  wanted: number | 'auto',
  settings: WorkerSettings,
  signal?: AbortSignal,
): AsyncGenerator<LaneFile, void, void> {
  const lanes = [new ScanLane(settings)];
  const aborted = abortOf(signal);
  try {
    // The first worker loads its code while the folders are read.
    lanes[0].start();
    const files = await Promise.race([aborted.promise, listing]);
    if (files === undefined) return;
    while (lanes.length < workerCount(wanted, files)) lanes.push(new ScanLane(settings));
    yield* scanInLanes(lanes, files, aborted.promise);
  } finally {
    aborted.forget();
    await Promise.all(lanes.map(lane => lane.close()));
  }
}

function workerCount(wanted: number | 'auto', files: readonly ListedFile[]): number {
  if (wanted !== 'auto') return Math.min(wanted, files.length);
  const most = Math.min(availableParallelism(), MAX_WORKERS, files.length);
  return Math.min(most, Math.ceil(totalBytes(files, most * BYTES_PER_WORKER) / BYTES_PER_WORKER));
}

async function* scanInLanes(
  lanes: readonly ScanLane[],
  files: readonly ListedFile[],
  aborted: Promise<undefined>,
): AsyncGenerator<LaneFile> {
  let next = 0;
  const running = new Map<ListedFile, Promise<{ lane: ScanLane; file: ListedFile; result: LaneResult }>>();
  const fill = (lane: ScanLane) => {
    // Towards the end no file waits at a worker while another one has nothing to do.
    while (next < files.length && lane.pending < (files.length - next > 2 * lanes.length ? 2 : 1)) {
      const file = files[next++];
      running.set(
        file,
        lane.scan(file).then(result => ({ lane, file, result })),
      );
    }
  };
  lanes.forEach(fill);
  let isStopped = false;
  aborted.then(() => {
    isStopped = true;
  });
  while (running.size > 0) {
    // A result that is there wins over the wish to stop.
    const finished = await Promise.race([...running.values(), aborted]);
    if (finished === undefined) return;
    const { lane, file, result } = finished;
    running.delete(file);
    if (!isStopped) fill(lane);
    // Its last file is done: ending a thread with a full heap takes a while, in which the reader works.
    if (lane.pending === 0) void lane.close();
    yield { ...result, file: file.path };
  }
}

/** A promise that ends when the signal does, and the means to let go of the signal. */
function abortOf(signal: AbortSignal | undefined): { promise: Promise<undefined>; forget: () => void } {
  let forget = () => {};
  const promise = new Promise<undefined>(resolve => {
    if (signal?.aborted) return resolve(undefined);
    const onAbort = () => resolve(undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    forget = () => signal?.removeEventListener('abort', onAbort);
  });
  return { promise, forget };
}
