/** Snapshots for tests, made from the numbers of their tags. */
import { poolTag } from '../../../data/pool-tag.ts';
import type { Pool, PoolRow, PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';
import { seededRandom } from '../../eval/simulated-machine.ts';

export const START_MS = Date.UTC(2024, 4, 1, 8);
const MS_PER_HOUR = 3_600_000;

export function snapshot(rows: PoolRow[], more: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    format: 'poolmon',
    file: 'pool.log',
    line: 1,
    rows,
    memory: {},
    processes: [],
    blocks: [],
    verifier: [],
    ...more,
  };
}

export function row(tag: string, bytes: number, more: Partial<PoolRow> = {}): PoolRow {
  return { tag: poolTag(tag), pool: 'nonpaged', bytes, ...more };
}

/** At so many hours after the start, as the text tells. */
export function at(hour: number): Pick<PoolSnapshot, 'takenAtMs' | 'timeFrom'> {
  return { takenAtMs: START_MS + hour * MS_PER_HOUR, timeFrom: 'text' };
}

/** One snapshot for each number of the tags, which have equally many; `everyHours` 0 gives them no times. */
export function log(
  tags: Record<string, ArrayLike<number>>,
  everyHours = 0.5,
  pool: Pool = 'nonpaged',
): PoolSnapshot[] {
  const count = Object.values(tags)[0].length;
  return Array.from({ length: count }, (_, i) =>
    snapshot(
      Object.entries(tags).map(([tag, values]) => row(tag, values[i], { pool })),
      { line: 1 + 100 * i, ...(everyHours === 0 ? {} : at(i * everyHours)) },
    ),
  );
}

/** Normally distributed noise that remembers `memory` of itself, of standard deviation 1. */
export function noise(length: number, seed: number, memory = 0): number[] {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let state = normal();
  return Array.from({ length }, (_, i) => {
    if (i > 0) state = memory * state + Math.sqrt(1 - memory * memory) * normal();
    return state;
  });
}

/** So many tags of 1 MB with noise of 2 %, among which one that leaks must be found. */
export function quietTags(count: number, length: number): Record<string, number[]> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `q${String(i).padStart(3, '0')}`,
      noise(length, 1_000 + i, 0.6).map(value => Math.round(1e6 * (1 + 0.02 * value))),
    ]),
  );
}
