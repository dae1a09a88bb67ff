/** The numbers of one tag over the snapshots that are compared, put right where 32-bit counters wrapped around. */
import { type Frame, NUMBERS_OF_ROW } from './frame-store.ts';

/** One number for each compared snapshot, NaN where there is none. */
export interface NumberSeries {
  /** Counted on over wraps, so that they may exceed 32 bits. */
  allocs: Float64Array;
  frees: Float64Array;
  diff: Float64Array;
  bytes: Float64Array;
  /** Snapshots that show the tag. */
  present: number;
  first: number;
  last: number;
  /** Snapshots at which a counter began anew, of its own. */
  wraps: number[];
  /** Numbers that could not be and were left out or computed. */
  garbage: number;
}

/** So many tags are unpacked at a time: their series take 4 numbers for each of up to 500 snapshots. */
const BLOCK = 1_000;
const COUNTERS = 2 ** 32;
/** No pool holds more: 16 TB is what 64-bit Windows allows it. */
const MOST_BYTES = 2 ** 44;

/** Calls back with each tag's series, in the order of the table; tags that no frame has are left out. */
export function forEachSeries(
  frames: readonly Frame[],
  tagCount: number,
  each: (tag: number, series: NumberSeries) => void,
): void {
  for (let from = 0; from < tagCount; from += BLOCK) {
    const block: (NumberSeries | undefined)[] = new Array(Math.min(BLOCK, tagCount - from));
    frames.forEach((frame, at) => {
      const { tags, numbers } = frame;
      for (let row = 0; row < tags.length; row++) {
        const place = tags[row] - from;
        if (place < 0 || place >= BLOCK) continue;
        let series = block[place];
        if (series === undefined) {
          series = emptySeries(frames.length, at);
          block[place] = series;
        }
        series.present++;
        series.last = at;
        series.allocs[at] = numbers[row * NUMBERS_OF_ROW];
        series.frees[at] = numbers[row * NUMBERS_OF_ROW + 1];
        series.diff[at] = numbers[row * NUMBERS_OF_ROW + 2];
        series.bytes[at] = numbers[row * NUMBERS_OF_ROW + 3];
      }
    });
    block.forEach((series, place) => {
      if (series === undefined) return;
      putRight(series);
      each(from + place, series);
    });
  }
}

function emptySeries(length: number, first: number): NumberSeries {
  const none = () => new Float64Array(length).fill(Number.NaN);
  return {
    allocs: none(),
    frees: none(),
    diff: none(),
    bytes: none(),
    present: 0,
    first,
    last: first,
    wraps: [],
    garbage: 0,
  };
}

function putRight(series: NumberSeries): void {
  const { allocs, frees, diff, bytes } = series;
  for (let i = series.first; i <= series.last; i++) {
    if (!isCounter(allocs[i])) allocs[i] = Number.NaN;
    if (!isCounter(frees[i])) frees[i] = Number.NaN;
    if (bytes[i] < 0 || bytes[i] > MOST_BYTES) {
      bytes[i] = Number.NaN;
      series.garbage++;
    }
    // Both counters are printed without what they wrapped by, so their difference is right again in 32 bits.
    const inUse = (allocs[i] - frees[i] + 2 * COUNTERS) % COUNTERS;
    const isWide = allocs[i] >= COUNTERS || frees[i] >= COUNTERS;
    if (Number.isNaN(inUse) || isWide) {
      if (diff[i] < 0 || diff[i] > MOST_BYTES) {
        diff[i] = Number.NaN;
        series.garbage++;
      }
    } else {
      // Frees are counted a moment before allocations, so a few more of them are none too many.
      const plain = inUse > COUNTERS - COUNTERS / 16 ? 0 : inUse;
      if (!Number.isNaN(diff[i]) && diff[i] !== allocs[i] - frees[i] && diff[i] !== plain) series.garbage++;
      diff[i] = plain;
    }
  }
  const wraps = new Set([...unwrap(allocs), ...unwrap(frees)]);
  series.wraps = [...wraps].sort((a, b) => a - b);
}

function isCounter(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** Adds 2^32 from each wrap on, in place; gives where they were. A counter that drops otherwise began anew. */
function unwrap(counter: Float64Array): number[] {
  const wraps: number[] = [];
  let before = Number.NaN;
  let added = 0;
  for (let i = 0; i < counter.length; i++) {
    const printed = counter[i];
    if (Number.isNaN(printed)) continue;
    if (printed < before) {
      if (before < COUNTERS && before > COUNTERS / 2 && printed < COUNTERS / 2) {
        added += COUNTERS;
        wraps.push(i);
      } else added += before - printed;
    }
    before = printed;
    counter[i] = printed + added;
  }
  return wraps;
}
