/** A snapshot as one line of JSON, which `pooltag leaks` reads again. */
import { tagId } from '../../data/pool-tag.ts';
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { safeJson } from '../export-formats/safe-json.ts';

/**
 * The line with its line end: `{"pooltag":"snapshot","version":1,"takenAt":ISO 8601 UTC,"computer":name,"memory":bytes,
 * "rows":[[id of the tag,"nonpaged"|"paged",allocs,frees,bytes],...]}`. The id is the hex of the tag's bytes in memory
 * order; bytes are null where Windows gave no sane number. Rows have every pool that a tag ever allocated from.
 */
export function snapshotLine(snapshot: PoolSnapshot, computer: string): string {
  const { takenAtMs = 0, memory, rows } = snapshot;
  const document = {
    pooltag: 'snapshot',
    version: 1,
    takenAt: new Date(takenAtMs).toISOString(),
    computer,
    memory,
    rows: rows.map(({ tag, pool, allocs, frees, bytes }) => [
      tagId(tag),
      pool,
      allocs ?? null,
      frees ?? null,
      bytes ?? null,
    ]),
  };
  return `${safeJson(document)}\n`;
}
