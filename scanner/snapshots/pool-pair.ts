/** One line that tells of both pools of a tag: which of the two are worth a row. */
import type { PoolRow, PoolSnapshot } from './pool-snapshot.ts';
import type { ReadSession } from './read-session.ts';

/** Beyond this a text is made up; the rule below then only costs a few rows of zeros. */
const MAX_KNOWN = 100_000;

/**
 * Tools that print both pools on a line print zeros for the pool that a tag never uses. Such a half is no row, unless
 * the tag has had something there before: that it fell to zero is worth knowing.
 */
export class PoolPairs {
  readonly #used = new Set<string>();

  add(session: ReadSession, rows: PoolRow[], snapshot?: PoolSnapshot): void {
    const areAllEmpty = rows.every(isEmpty);
    for (const row of rows) {
      const key = row.pool[0] + row.tag;
      if (!isEmpty(row)) {
        if (this.#used.size < MAX_KNOWN) this.#used.add(key);
      } else if (!areAllEmpty && !this.#used.has(key)) continue;
      session.addRow(row, snapshot);
    }
  }
}

function isEmpty(row: PoolRow): boolean {
  return !row.allocs && !row.frees && !row.diff && !row.bytes;
}
