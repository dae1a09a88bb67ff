/** One row of PoolMon, read byte by byte: logs have millions of them. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { Pool, PoolRow } from './pool-snapshot.ts';
import { outstanding } from './printed-number.ts';

/** What of a row could not be believed. */
export type RowDoubt =
  | 'negative-bytes'
  | 'too-large'
  | 'more-frees-than-allocs'
  | 'wrapped-diff'
  | 'other-diff';

const BLANK = 0x20;
const TAB = 0x09;
const MINUS = 0x2d;
const OPEN = 0x28;
const CLOSE = 0x29;
/** Distinct tags that are kept as strings of their own; a machine has some thousand. */
const MAX_KNOWN_TAGS = 65_536;

/** The row that was read last, in fields that are written over. */
export class PoolmonRowParser {
  /** Where the text on the owner begins; the end of the row where there is none. */
  mappedStart = 0;
  doubts: RowDoubt[] = [];
  #position = 0;
  #value = 0;
  readonly #tags = new Map<number, PoolTag>();

  /**
   * The row whose tag begins at `tagStart` and whose pool is named right after its blanks, as PoolMon aligns them.
   * Undefined where the bytes are anything else. Needs Allocs, Frees, Diff and Bytes; numbers in parentheses, which say
   * what has changed since the last update, may follow each but Diff.
   */
  parse(bytes: Uint8Array, tagStart: number, end: number): PoolRow | undefined {
    let at = tagStart + 4;
    if (at + 6 > end || (bytes[at] !== BLANK && bytes[at] !== TAB)) return undefined;
    while (at < end && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
    const pool = poolAt(bytes, at, end);
    if (pool === undefined) return undefined;
    const tag = this.#tagAt(bytes, tagStart);
    return tag === undefined
      ? undefined
      : this.parseNumbers(bytes, at + (pool === 'nonpaged' ? 4 : 5), end, tag, pool);
  }

  /** The rest of a row behind the name of the pool. */
  parseNumbers(bytes: Uint8Array, start: number, end: number, tag: PoolTag, pool: Pool): PoolRow | undefined {
    this.#position = start;
    if (this.doubts.length > 0) this.doubts = [];
    if (!this.#number(bytes, end)) return undefined;
    const allocs = this.#value;
    if (!this.#change(bytes, end) || !this.#number(bytes, end)) return undefined;
    const frees = this.#value;
    if (!this.#change(bytes, end) || !this.#number(bytes, end)) return undefined;
    const diff = this.#value;
    if (!this.#number(bytes, end)) return undefined;
    const size = this.#value;
    if (!this.#change(bytes, end)) return undefined;
    this.#number(bytes, end);
    this.#skipBlanks(bytes, end);
    this.mappedStart = this.#position;
    return this.#believe({ tag, pool, allocs, frees, diff, bytes: size });
  }

  /** Leaves out of a row what cannot be, and says what. */
  #believe(row: Required<Pick<PoolRow, 'tag' | 'pool' | 'allocs' | 'frees' | 'diff' | 'bytes'>>): PoolRow {
    const { allocs, frees, diff, bytes } = row;
    // The usual row: nothing has wrapped and all fits.
    if (
      allocs >= frees &&
      frees >= 0 &&
      diff === allocs - frees &&
      bytes >= 0 &&
      isExact(bytes) &&
      isExact(allocs)
    ) {
      return row;
    }
    const read: PoolRow = row;
    for (const key of ['allocs', 'frees', 'diff', 'bytes'] as const) {
      if (Math.abs(row[key]) <= Number.MAX_SAFE_INTEGER) continue;
      read[key] = undefined;
      this.#doubt('too-large');
    }
    if (read.bytes !== undefined && read.bytes < 0) {
      read.bytes = undefined;
      this.#doubt('negative-bytes');
    }
    // Counters of 32 bits that are printed with a sign.
    if (read.allocs !== undefined && read.allocs < 0) read.allocs = positiveCounter(read.allocs);
    if (read.frees !== undefined && read.frees < 0) read.frees = positiveCounter(read.frees);
    if (read.allocs !== undefined && read.frees !== undefined) {
      const counted = outstanding(read.allocs, read.frees);
      if (counted === undefined) this.#doubt('more-frees-than-allocs');
      else if (counted !== read.diff) this.#doubt(read.allocs < read.frees ? 'wrapped-diff' : 'other-diff');
      read.diff = counted;
    } else if (read.diff !== undefined && read.diff < 0) read.diff = undefined;
    return withoutUndefined(read);
  }

  #doubt(doubt: RowDoubt): void {
    this.doubts.push(doubt);
  }

  #number(bytes: Uint8Array, end: number): boolean {
    this.#skipBlanks(bytes, end);
    let at = this.#position;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const start = at;
    let value = 0;
    while (at < end) {
      const digit = bytes[at] - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    if (at === start) return false;
    // A number ends with a blank or before a parenthesis; anything else is no number.
    if (at < end && bytes[at] !== BLANK && bytes[at] !== TAB && bytes[at] !== OPEN) {
      if (bytes[at] !== 0x5b) return false;
    }
    this.#position = at;
    this.#value = isNegative ? -value : value;
    return true;
  }

  /** Passes over `(   0)`, where it is there; false where it is not closed. */
  #change(bytes: Uint8Array, end: number): boolean {
    this.#skipBlanks(bytes, end);
    if (bytes[this.#position] !== OPEN || this.#position >= end) return true;
    let at = this.#position + 1;
    while (at < end && bytes[at] !== CLOSE) {
      const byte = bytes[at];
      if (byte !== BLANK && byte !== MINUS && byte !== 0x2b && (byte < 0x30 || byte > 0x39)) return false;
      at++;
    }
    this.#position = at + 1;
    return at < end;
  }

  #skipBlanks(bytes: Uint8Array, end: number): void {
    let at = this.#position;
    while (at < end && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
    this.#position = at;
  }

  #tagAt(bytes: Uint8Array, at: number): PoolTag | undefined {
    // Bytes above 0x7F may be parts of UTF-8 characters: the slow way tells. 0xFF stands for what is no byte.
    if ((bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) > 0x7f) return undefined;
    const key = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    const known = this.#tags.get(key);
    if (known !== undefined) return known;
    if (this.#tags.size >= MAX_KNOWN_TAGS) this.#tags.clear();
    const tag = String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]) as PoolTag;
    if (tag.trim() === '') return undefined;
    this.#tags.set(key, tag);
    return tag;
  }
}

function poolAt(bytes: Uint8Array, at: number, end: number): Pool | undefined {
  // N o n p, P a g e d, and then a blank.
  if (bytes[at] === 0x4e) {
    if (bytes[at + 1] !== 0x6f || bytes[at + 2] !== 0x6e || bytes[at + 3] !== 0x70) return undefined;
    return at + 4 < end && (bytes[at + 4] === BLANK || bytes[at + 4] === TAB) ? 'nonpaged' : undefined;
  }
  if (bytes[at] !== 0x50 || bytes[at + 1] !== 0x61 || bytes[at + 2] !== 0x67) return undefined;
  if (bytes[at + 3] !== 0x65 || bytes[at + 4] !== 0x64) return undefined;
  return at + 5 < end && (bytes[at + 5] === BLANK || bytes[at + 5] === TAB) ? 'paged' : undefined;
}

function isExact(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER;
}

function positiveCounter(value: number): number | undefined {
  return value >= -(2 ** 31) ? value + 2 ** 32 : undefined;
}

/** What is not known is absent, also for those who look at the keys. */
function withoutUndefined(row: PoolRow): PoolRow {
  for (const key of ['allocs', 'frees', 'diff', 'bytes'] as const)
    if (row[key] === undefined) delete row[key];
  return row;
}
