/** Hand-made reports on leaks, for tests of what is said of them. */
import { poolTag } from '../../../data/pool-tag.ts';
import type { LeakReport, TagTrend, Verdict } from '../../../scanner/leaks/leak-report.ts';
import type { Pool } from '../../../scanner/snapshots/pool-snapshot.ts';

const MB = 1024 * 1024;

export interface TrendFacts extends Partial<Omit<TagTrend, 'tag'>> {
  /** The first and the last number of megabytes. */
  from?: number;
  to?: number;
}

/** One tag in one pool that goes evenly from `from` to `to` megabytes in five snapshots over 24 hours. */
export function trend(
  tag: string,
  verdict: Verdict,
  { from = 1, to = 1, ...more }: TrendFacts = {},
): TagTrend {
  const bytes = [0, 1, 2, 3, 4].map(step => Math.round((from + ((to - from) * step) / 4) * MB));
  const isCompared = verdict !== 'not-compared';
  const numbers = (at: number) => ({
    allocs: 1000 + at * 100,
    frees: 500,
    diff: 500 + at * 100,
    bytes: bytes[at],
    bytesPerAlloc: Math.round(bytes[at] / (500 + at * 100)),
  });
  return {
    tag: poolTag(tag),
    pool: 'nonpaged' as Pool,
    isInexact: false,
    verdict,
    reasons: [`Reason for ${verdict}.`],
    snapshots: isCompared ? 5 : 1,
    first: numbers(isCompared ? 0 : 4),
    last: numbers(4),
    ...(isCompared ? { growthBytes: bytes[4] - bytes[0] } : {}),
    ...(isCompared ? { bytesRate: { perHour: ((to - from) * MB) / 24, low: 0, high: to * MB } } : {}),
    events: [],
    mapped: [],
    series: {
      snapshot: isCompared ? [0, 1, 2, 3, 4] : [0],
      bytes: isCompared ? bytes : [bytes[4]],
      diff: isCompared ? [500, 600, 700, 800, 900] : [900],
    },
    ...more,
  };
}

/** A report on these tags: five snapshots of PoolMon over 24 hours, unless said otherwise. */
export function leakReport(
  tags: TagTrend[],
  facts: Partial<LeakReport> & { taken?: number } = {},
): LeakReport {
  const { taken = 5, ...more } = facts;
  return {
    snapshots: Array.from({ length: taken }, (_, i) => ({
      format: 'poolmon' as const,
      file: 'pool.log',
      line: 1 + i * 100,
      takenAtMs: Date.UTC(2026, 0, 1) + i * 6 * 3_600_000,
      timeFrom: 'text' as const,
      rows: tags.length,
    })),
    compared: taken,
    ...(taken > 1 ? { spanHours: 24 } : {}),
    confidence: 0.95,
    falseRate: 0.01,
    tags,
    groups: [],
    memory: {},
    processes: [],
    verifier: [],
    blocks: [],
    remarks: [],
    moreRemarks: 0,
    ...more,
  };
}
