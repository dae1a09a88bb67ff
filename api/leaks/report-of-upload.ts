/** The report on what a request brought: a short text at once, a long one in a worker thread within bounds. */
import { Worker } from 'node:worker_threads';
import { workerArguments, workerUrl } from '../../scanner/files/worker-start.ts';
import type { LeakReport } from '../../scanner/leaks/leak-report.ts';
import { PooltagError } from '../pooltag-error.ts';
import type { ReportResult, ReportTask } from './report-worker.ts';
import { type IntakeOptions, SnapshotIntake } from './snapshot-intake.ts';
import type { UploadedText } from './upload.ts';

/** What is read and compared in less than 100 ms; starting a worker takes as long. */
const MAX_BYTES_HERE = 1024 * 1024;
/** The largest upload takes about two seconds; one that takes longer is built to. */
const TIME_LIMIT_MS = 60_000;
/** The largest upload of many snapshots needs 100 MB, one of ten thousands of tags three times that. */
const HEAP_MB = 1024;
const WORKER_URL = workerUrl('api/leaks/report-worker');

/** One long text after the other: they would only take turns on the same processors. */
let lastInWorker: Promise<unknown> = Promise.resolve();

/** The report; null where nothing was recognised. Throws `body-too-large` for what takes too long or too much memory. */
export async function reportOfUpload(
  texts: readonly UploadedText[],
  options: IntakeOptions,
): Promise<LeakReport | null> {
  const bytes = texts.flatMap(({ chunks }) => chunks).reduce((sum, { length }) => sum + length, 0);
  if (bytes <= MAX_BYTES_HERE) return reportHere(texts, options);
  const report = lastInWorker.then(() => reportInWorker(texts, options));
  lastInWorker = report.catch(() => undefined);
  return report;
}

function reportHere(texts: readonly UploadedText[], options: IntakeOptions): LeakReport | null {
  const intake = new SnapshotIntake(options);
  for (const { name, chunks, fileTimeMs } of texts) {
    const reader = intake.open(name, fileTimeMs);
    for (const chunk of chunks) reader.write(chunk);
    reader.end();
  }
  return intake.snapshots === 0 ? null : intake.report();
}

function reportInWorker(
  texts: readonly UploadedText[],
  { everyMs, companions }: IntakeOptions,
): Promise<LeakReport | null> {
  const whole = texts.map(({ name, chunks, fileTimeMs }) => ({
    name,
    fileTimeMs,
    bytes: joined(chunks),
  }));
  const task: ReportTask = { texts: whole, everyMs, companions };
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER_URL, {
      workerData: task,
      transferList: whole.map(({ bytes }) => bytes.buffer),
      execArgv: workerArguments(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    const timer = setTimeout(() => end(() => reject(tooMuch('it takes too long'))), TIME_LIMIT_MS);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
      void worker.terminate();
    };
    worker.on('message', ({ report }: ReportResult) => end(() => resolve(report)));
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      end(() => reject(isMemory ? tooMuch('it takes too much memory', error) : error));
    });
    worker.on('exit', () => end(() => reject(new Error('The worker ended without an answer.'))));
  });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooMuch(why: string, cause?: unknown): PooltagError {
  return new PooltagError(
    'body-too-large',
    `What was sent cannot be compared here: ${why}. The command has no such limit: pooltag leaks FILE.`,
    { cause },
  );
}
