/** The sums of each pool over the rows in view, as PoolMon's key E shows them. */

import { count } from '../../data/quantity-words.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import type { WatchRow } from './watch-row.ts';
import { cutTo } from './watch-table.ts';

/** A line for each pool that has rows, below a blank one. */
export function watchTotals(rows: readonly WatchRow[], width: number): string[] {
  const lines = (['nonpaged', 'paged'] as const).flatMap(pool => {
    const sums = sumsOf(rows, pool);
    if (sums.rows === 0) return [];
    const { allocs, frees, diff, bytes } = sums;
    const text = `Total ${pool}: ${count(sums.rows)} tags, ${count(allocs)} allocations, ${count(frees)} frees, ${count(diff)} in use, ${count(bytes)} bytes`;
    return [cutTo(text, width)];
  });
  return lines.length === 0 ? [] : ['', ...lines];
}

function sumsOf(rows: readonly WatchRow[], wanted: Pool) {
  const sums = { rows: 0, allocs: 0, frees: 0, diff: 0, bytes: 0 };
  for (const { pool, allocs, frees, diff, bytes = 0 } of rows) {
    if (pool !== wanted) continue;
    sums.rows++;
    sums.allocs += allocs;
    sums.frees += frees;
    sums.diff += diff;
    sums.bytes += bytes;
  }
  return sums;
}
