/** The worker thread: analyses snapshots for a WorkerAnalysis, so that the screen never waits for a report. */
import { parentPort } from 'node:worker_threads';
import { LeakAnalysis } from '../../scanner/leaks/leak-analysis.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';

/** What the worker is told: to take a snapshot, or to report. */
export type AnalysisRequest = { kind: 'add'; snapshot: PoolSnapshot } | { kind: 'report' };

const port = parentPort;
if (port === null) throw new Error('analysis-worker runs as a worker thread only.');
const analysis = new LeakAnalysis();

port.on('message', (request: AnalysisRequest) => {
  if (request.kind === 'add') {
    analysis.add(request.snapshot);
    return;
  }
  // The points of a chart are the largest part of a report, and nobody looks at them here.
  const series = { snapshot: [], bytes: [], diff: [] };
  port.postMessage(analysis.report().tags.map((trend): TagTrend => ({ ...trend, series })));
});
