/** The worker thread: reads the texts of one large request and reports on them, so that the server answers others meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { LeakReport } from '../../scanner/leaks/leak-report.ts';
import { SnapshotIntake } from './snapshot-intake.ts';

/** What the worker is given when it starts. */
export interface ReportTask {
  texts: { name: string | undefined; fileTimeMs: number | undefined; bytes: Uint8Array }[];
  everyMs: number | undefined;
  companions: ReadonlyMap<PoolTag, readonly PoolTag[]>;
}

/** What it says at its end. `report` is null where nothing was recognised. */
export interface ReportResult {
  report: LeakReport | null;
}

const port = parentPort;
if (port === null) throw new Error('report-worker runs as a worker thread only.');
const { texts, everyMs, companions } = workerData as ReportTask;
const intake = new SnapshotIntake({ everyMs, companions });
for (const { name, fileTimeMs, bytes } of texts) {
  const reader = intake.open(name, fileTimeMs);
  reader.write(bytes);
  reader.end();
}
port.postMessage({ report: intake.snapshots === 0 ? null : intake.report() } satisfies ReportResult);
