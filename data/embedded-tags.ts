/** The tags of the embedded index in byte order, for look-ups by exact bytes, by beginning and by shape. */
import type { TagShape } from './search-query.ts';
import { keysBeginningWith } from './tag-keys.ts';

export interface Keyed {
  /** See `recordKey`. */
  key: number;
}

/** A share of new records above which sorting everything again costs less than many insertions. */
const RESORT_SHARE = 1 / 32;

export class EmbeddedTags<Entry extends Keyed> {
  readonly #byKey = new Map<number, Entry>();
  #ordered: Entry[] = [];

  get size(): number {
    return this.#byKey.size;
  }

  /** All in byte order. Not to be changed. */
  get ordered(): readonly Entry[] {
    return this.#ordered;
  }

  get(key: number): Entry | undefined {
    return this.#byKey.get(key);
  }

  /** Adds entries, or replaces those with the same key. */
  put(entries: readonly Entry[]): void {
    const resort = entries.length > this.#ordered.length * RESORT_SHARE;
    for (const entry of entries) {
      const isNew = !this.#byKey.has(entry.key);
      this.#byKey.set(entry.key, entry);
      if (resort) continue;
      this.#ordered.splice(this.#lowerBound(entry.key), isNew ? 0 : 1, entry);
    }
    if (resort) this.#ordered = [...this.#byKey.values()].sort((a, b) => a.key - b.key);
  }

  /** Entries that begin with these one to four characters, in byte order. */
  beginningWith(prefix: string): Entry[] {
    const [first, last] = keysBeginningWith(prefix);
    return this.#ordered.slice(this.#lowerBound(first), this.#lowerBound(last + 1));
  }

  /** Entries of any of these shapes, in byte order. */
  shaped(shapes: readonly TagShape[]): Entry[] {
    const masks = shapes.map(shape => ({
      mask: bytesToNumber(shape.map(byte => (byte === null ? 0 : 0xff))),
      wanted: bytesToNumber(shape.map(byte => byte ?? 0)),
    }));
    return this.#ordered.filter(({ key }) => {
      const bytes = key / 2;
      // `|` and `&` make signed 32-bit numbers of both sides alike (the fraction of a wildcard entry's key falls away).
      return masks.some(({ mask, wanted }) => (bytes & mask) === wanted);
    });
  }

  #lowerBound(key: number): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ordered[middle]!.key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Signed 32 bits, as bitwise operators give them. */
function bytesToNumber(bytes: readonly number[]): number {
  return (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
}
