/** WatchVerdicts: feeds the analysis of leaks and asks it for a report, seldom enough that watching for days costs little. */
import type { LeakReport, TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { rowKey } from './watch-row.ts';

/** The part of LeakAnalysis that watching needs. */
export interface Analysis {
  add(snapshot: PoolSnapshot): void;
  report(): LeakReport;
}

/** Fewer snapshots tell nothing of growth. */
const FEWEST_SNAPSHOTS = 3;
/** A verdict needs no more haste than that. */
const SHORTEST_PAUSE_MS = 10_000;
/** After a report that took a time, fifty times as long passes before the next: two hundredths of one processor. */
const PAUSE_FOR_EACH_MS = 50;

/** The verdict on a tag in a pool, with its place among all. */
export interface Verdict {
  trend: TagTrend;
  /** From 1, the most suspicious first. */
  rank: number;
}

export class WatchVerdicts {
  readonly #analysis: Analysis;
  /** Milliseconds of a clock that is not put forward or back. */
  readonly #elapsedMs: () => number;
  readonly #byKey = new Map<string, Verdict>();
  #worst: TagTrend | undefined;
  #added = 0;
  #nextReportMs = 0;

  constructor(analysis: Analysis, elapsedMs: () => number) {
    this.#analysis = analysis;
    this.#elapsedMs = elapsedMs;
  }

  /** The most suspicious tag, where one is leaking or suspicious. */
  get worst(): TagTrend | undefined {
    return this.#worst;
  }

  /** The verdict of the last report. */
  of(row: Pick<TagTrend, 'tag' | 'pool'>): Verdict | undefined {
    return this.#byKey.get(rowKey(row));
  }

  /** Takes a snapshot, and makes a report where it is time for one. */
  add(snapshot: PoolSnapshot): void {
    this.#analysis.add(snapshot);
    this.#added++;
    const begin = this.#elapsedMs();
    if (this.#added < FEWEST_SNAPSHOTS || begin < this.#nextReportMs) return;
    this.#take(this.#analysis.report());
    const end = this.#elapsedMs();
    this.#nextReportMs = end + Math.max(SHORTEST_PAUSE_MS, (end - begin) * PAUSE_FOR_EACH_MS);
  }

  #take({ tags }: LeakReport): void {
    this.#byKey.clear();
    tags.forEach((trend, index) => {
      // The points of a chart are the largest part of a report, and nobody looks at them here.
      const series = { snapshot: [], bytes: [], diff: [] };
      this.#byKey.set(rowKey(trend), { trend: { ...trend, series }, rank: index + 1 });
    });
    const worst = tags.find(({ verdict }) => verdict === 'leaking' || verdict === 'suspicious');
    this.#worst = worst && this.of(worst)?.trend;
  }
}
