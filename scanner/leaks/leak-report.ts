/** LeakReport: what snapshots, compared, say of every tag. Numbers and reasons only: owners and advice are the API's. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type {
  MemoryFacts,
  Pool,
  PoolBlock,
  ProcessRow,
  ReadRemark,
  SnapshotFormat,
  VerifiedDriver,
} from '../snapshots/pool-snapshot.ts';

/**
 * `not-compared`: there is one snapshot only, so nothing is said of growth. `suspicious` may be said of one snapshot
 * too, for what it shows by itself. Strongest first.
 */
export const VERDICTS = [
  'leaking',
  'suspicious',
  'growing but bounded',
  'not-compared',
  'steady',
  'shrinking',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** A rate with the interval that holds it with the report's confidence. */
export interface Rate {
  perHour: number;
  low: number;
  high: number;
}

/** One tag in one pool, over all snapshots that show it. */
export interface TagTrend {
  tag: PoolTag;
  pool: Pool;
  isInexact: boolean;
  verdict: Verdict;
  /** Full sentences, the decisive one first. */
  reasons: string[];
  /** In how many snapshots it is. */
  snapshots: number;
  /** At the first and at the last snapshot; absent where the format does not print it. */
  first: TagNumbers;
  last: TagNumbers;
  /** Bytes that it has grown by from the first to the last snapshot. */
  growthBytes?: number;
  /** Theil-Sen, from three snapshots with known times on; absent otherwise. */
  bytesRate?: Rate;
  allocsRate?: Rate;
  /**
   * Mann-Kendall for a rising trend of the bytes, or the chance of so many steps up where that is smaller, both counted;
   * corrected for the number of tags; 0 to 1.
   */
  trendP?: number;
  /** Share of the pool that it holds at the last snapshot, 0 to 1, where the pool's size is known. */
  poolShare?: number;
  /** Hours until the pool's limit is reached at this rate, where limit and rate are known. */
  hoursToLimit?: number;
  /** What happened at single snapshots. */
  events: { kind: 'step' | 'burst' | 'counter-wrapped' | 'restarted'; atMs?: number; snapshot: number }[];
  /** What the tools themselves say of the owner, each once. */
  mapped: string[];
  series: TagSeries;
}

export interface TagNumbers {
  allocs?: number;
  frees?: number;
  diff?: number;
  bytes?: number;
  /** Bytes for each allocation in use. */
  bytesPerAlloc?: number;
}

/** Points for a chart, evenly thinned where there are many. All arrays are equally long; null is not printed. */
export interface TagSeries {
  /** Index into the report's snapshots. */
  snapshot: number[];
  bytes: (number | null)[];
  /** Allocations in use. */
  diff: (number | null)[];
}

/** Tags that rise together: one story. */
export interface TagGroup {
  /** The one that most likely stands behind the others. */
  head: { tag: PoolTag; pool: Pool };
  members: { tag: PoolTag; pool: Pool }[];
  reason: string;
}

export interface SnapshotSummary {
  format: SnapshotFormat;
  file: string | undefined;
  line: number;
  takenAtMs?: number;
  timeFrom?: 'text' | 'file' | 'given';
  /**
   * Hours since the first one that is compared, where the comparison rests on times that were given and not on the dates
   * of the snapshots; absent where dates tell, or nothing does.
   */
  givenHours?: number;
  session?: number | 'all';
  /** Rows of tags. */
  rows: number;
}

export interface LeakReport {
  snapshots: SnapshotSummary[];
  /** How many of them are compared: the others repeat one, or show another session. */
  compared: number;
  /** From the first to the last snapshot that is compared; absent where times are not known. */
  spanHours?: number;
  /** Of intervals, 0.95; of trend tests, the rate of false ones that is allowed over all tags. */
  confidence: number;
  falseRate: number;
  /**
   * The most suspicious first: what leaks, the fastest before the others; then by the evidence for a leak where there is
   * some; then by verdict, growth and bytes.
   */
  tags: TagTrend[];
  groups: TagGroup[];
  /** Of the last snapshot that tells each. */
  memory: MemoryFacts;
  /** Most handles first. */
  processes: ProcessRow[];
  verifier: VerifiedDriver[];
  /** Single blocks that were listed, summed up by tag. */
  blocks: (Pick<PoolBlock, 'tag' | 'pool'> & { count: number; free: number; bytes: number })[];
  /** How many points of each tag are kept, where snapshots had more; absent where all are there. */
  thinnedTo?: number;
  remarks: ReadRemark[];
  /** Remarks beyond those that are kept. */
  moreRemarks: number;
}
