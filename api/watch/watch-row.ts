/** WatchRow: one tag in one pool as the screen shows it, with what has changed since the last snapshot. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { Pool, PoolRow, PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';

export interface WatchRow {
  tag: PoolTag;
  pool: Pool;
  allocs: number;
  frees: number;
  /** Allocations in use. */
  diff: number;
  /** Bytes in use; absent where Windows gave no sane number. */
  bytes: number | undefined;
  /** Bytes for each allocation in use. */
  perAlloc: number | undefined;
  /** Changes since the snapshot before; 0 in the first one. */
  allocsChange: number;
  freesChange: number;
  bytesChange: number;
  /** Bytes that were added since the watch began. */
  growthBytes: number;
}

/** Names a tag in a pool. */
export function rowKey({ tag, pool }: { tag: PoolTag; pool: Pool }): string {
  return pool + tag;
}

/** More tags in pools than Windows has; the growth of others is not told, so that memory stays bounded. */
const MAX_BEGINNINGS = 200_000;

/** Compares each snapshot with the one before and with the first. */
export class WatchHistory {
  #before = new Map<string, PoolRow>();
  readonly #firstBytes = new Map<string, number>();
  #isFirst = true;

  /** The rows of the next snapshot, in its order. */
  take(snapshot: PoolSnapshot): WatchRow[] {
    const now = new Map<string, PoolRow>();
    const rows = snapshot.rows.map(row => {
      const key = rowKey(row);
      now.set(key, row);
      return this.#compared(row, key);
    });
    this.#before = now;
    this.#isFirst = false;
    return rows;
  }

  #compared(row: PoolRow, key: string): WatchRow {
    const { tag, pool, allocs = 0, frees = 0, diff = 0, bytes } = row;
    // A tag that comes up later began with nothing; one that left the list and is back began before.
    const before = this.#before.get(key) ?? (this.#isFirst ? row : undefined);
    let first = this.#firstBytes.get(key);
    if (first === undefined) {
      first = this.#isFirst ? (bytes ?? 0) : 0;
      if (this.#firstBytes.size < MAX_BEGINNINGS) this.#firstBytes.set(key, first);
      else first = bytes ?? 0;
    }
    return {
      tag,
      pool,
      allocs,
      frees,
      diff,
      bytes,
      perAlloc: bytes === undefined || diff === 0 ? undefined : Math.round(bytes / diff),
      // Counters of 32 bits: the difference is right even where one has wrapped around.
      allocsChange: (allocs - (before?.allocs ?? 0)) | 0,
      freesChange: (frees - (before?.frees ?? 0)) | 0,
      bytesChange: bytes === undefined ? 0 : bytes - (before?.bytes ?? 0),
      growthBytes: bytes === undefined ? 0 : bytes - first,
    };
  }
}
