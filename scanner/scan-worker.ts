/** The worker thread: scans one file after the other for a ScanLane. */
import { parentPort } from 'node:worker_threads';
import type { ScanOutcome } from '../data/facts.ts';
import type { ListedFile } from './files/file-list.ts';
import { scanDriverFile } from './files/scan-driver-file.ts';

/** What the worker says: that the bytes of its file are read, and later how the scan came out. */
export type WorkerMessage =
  | { kind: 'read'; sizeBytes: number }
  | { kind: 'done'; outcome: ScanOutcome; elapsedMs: number };

const port = parentPort;
if (port === null) throw new Error('scan-worker runs as a worker thread only.');
const say = (message: WorkerMessage) => port.postMessage(message);

port.on('message', (file: ListedFile) => {
  const startedMs = performance.now();
  const outcome = scanDriverFile(file, sizeBytes => say({ kind: 'read', sizeBytes }));
  say({ kind: 'done', outcome, elapsedMs: performance.now() - startedMs });
});
