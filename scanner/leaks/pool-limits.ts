/** How much of each pool is used, how far it may grow, and when it will be full. */
import { hoursInWords } from '../../data/quantity-words.ts';
import type { MemoryFacts, Pool } from '../snapshots/pool-snapshot.ts';
import type { Frame } from './frame-store.ts';
import type { TagTrend } from './leak-report.ts';
import { type MonotoneTrend, monotoneTrend } from './monotone-trend.ts';

const POOLS: Pool[] = ['nonpaged', 'paged'];
/** A pool that lasts longer than this is no one's worry, and no slope is good for so long. */
const MOST_HOURS = 24 * 365;
const LEAST_POINTS = 3;
/** As the tests of tags: pairs of points grow with the square. */
const MOST_POINTS = 96;

/** What is known of one pool. */
interface PoolState {
  usedBytes: number | undefined;
  limitBytes: number | undefined;
  /** Of the pool as a whole, where its size is told at three moments at least. */
  trend: MonotoneTrend | undefined;
}

export type PoolStates = Record<Pool, PoolState>;

/** From the headers of the compared frames and the facts of all snapshots. */
export function poolStates(
  frames: readonly Frame[],
  hours: Float64Array | undefined,
  memory: MemoryFacts,
): PoolStates {
  const stateOf = (pool: Pool): PoolState => {
    const key = pool === 'nonpaged' ? 'nonpagedBytes' : 'pagedBytes';
    const limit = pool === 'nonpaged' ? memory.nonpagedLimitBytes : memory.pagedLimitBytes;
    const told = frames.flatMap((frame, i) =>
      frame.memory[key] === undefined ? [] : [{ hour: hours?.[i] ?? 0, bytes: frame.memory[key] }],
    );
    const usedBytes = told.at(-1)?.bytes ?? memory[key];
    const every = Math.ceil(told.length / MOST_POINTS);
    const few = told.filter((_, i) => (told.length - 1 - i) % every === 0);
    return {
      usedBytes,
      // A debugger that miscounts prints a limit below what is in use.
      limitBytes: limit !== undefined && limit > 0 && limit >= (usedBytes ?? 0) ? limit : undefined,
      trend:
        hours === undefined || few.length < LEAST_POINTS
          ? undefined
          : monotoneTrend(
              Float64Array.from(few, ({ hour }) => hour),
              Float64Array.from(few, ({ bytes }) => bytes),
              0,
            ),
    };
  };
  return { nonpaged: stateOf('nonpaged'), paged: stateOf('paged') };
}

/**
 * Adds to each tag its share of the pool, and to each that leaks or may leak the hours that are left, where limit and
 * rate are known. Several leaks fill a pool together, so their sum counts, or the pool's own growth where that is more.
 */
export function addPoolFacts(tags: readonly TagTrend[], pools: PoolStates): void {
  for (const pool of POOLS) {
    const { usedBytes, limitBytes, trend } = pools[pool];
    const here = tags.filter(tag => tag.pool === pool);
    if (usedBytes !== undefined && usedBytes > 0) {
      for (const tag of here) {
        const share = (tag.last.bytes ?? Number.NaN) / usedBytes;
        if (share <= 1) tag.poolShare = share;
      }
    }
    if (usedBytes === undefined || limitBytes === undefined) continue;
    const leaking = here.filter(({ verdict }) => verdict === 'leaking');
    const together = Math.max(
      leaking.reduce((sum, tag) => sum + Math.max(0, tag.bytesRate?.perHour ?? 0), 0),
      trend !== undefined && trend.low > 0 ? trend.slope : 0,
    );
    for (const tag of here) {
      if (tag.verdict !== 'leaking' && tag.verdict !== 'suspicious') continue;
      const own = tag.bytesRate?.perHour ?? 0;
      if (own <= 0) continue;
      const isShared = tag.verdict === 'leaking' && together > own * 1.05;
      const hours = (limitBytes - usedBytes) / (isShared ? together : own);
      if (!(hours <= MOST_HOURS)) continue;
      tag.hoursToLimit = hours;
      tag.reasons.push(
        `At ${isShared ? "the whole pool's" : 'this'} rate the pool is full in ${hoursInWords(hours)}.`,
      );
    }
  }
}
