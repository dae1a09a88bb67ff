/** Snapshots as they are kept for the comparison: packed numbers, a bounded count of them, thinned evenly. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { MemoryFacts, Pool, PoolRow, PoolSnapshot } from '../snapshots/pool-snapshot.ts';

/** As many points of each tag as charts and slopes need; beyond them every second snapshot is let go. */
export const MAX_FRAMES = 500;
/** A busy machine has 4,000 tags; more than this are noise that someone made. */
export const MAX_TAGS = 20_000;
/** Rows over all frames, 36 bytes each: 90 MB. A run of 3,000 tags and 500 frames has 1.5 million. */
const MAX_CELLS = 2_500_000;
/** What tools say of an owner: a line of a screen, and few different ones. */
const MAX_MAPPED = 4;
const MAX_MAPPED_LENGTH = 200;

/** The furthest from 1970 that a date can be, as ECMAScript has it. */
const LAST_DATE_MS = 8.64e15;

/** Numbers of a row in {@link Frame.numbers}, in this order; NaN where they are not printed. */
export const NUMBERS_OF_ROW = 4;

/** One snapshot with rows, packed. */
export interface Frame {
  /** The how-manieth snapshot it was, from 0 on, and the how-manieth with rows. */
  arrival: number;
  place: number;
  /** How many snapshots it stands for: more than one where others were let go. */
  standsFor: number;
  file: string | undefined;
  line: number;
  takenAtMs: number | undefined;
  timeFrom: PoolSnapshot['timeFrom'];
  session: PoolSnapshot['session'];
  memory: MemoryFacts;
  /** Index of each row's tag in the {@link TagTable}. */
  tags: Int32Array;
  /** Allocations, frees, allocations in use and bytes of each row. */
  numbers: Float64Array;
}

export interface KnownTag {
  tag: PoolTag;
  pool: Pool;
  isInexact: boolean;
  mapped: string[];
}

/** Tags with a number each, in the order they were first seen. */
class TagTable {
  readonly tags: KnownTag[] = [];
  /** Rows whose tag was one too many. */
  rowsLeftOut = 0;
  readonly #numbers = new Map<string, number>();

  /** Undefined where there are too many tags already. */
  numberOf(row: PoolRow): number | undefined {
    const key = row.pool + row.tag;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      if (this.tags.length >= MAX_TAGS) {
        this.rowsLeftOut++;
        return undefined;
      }
      number = this.tags.length;
      this.#numbers.set(key, number);
      this.tags.push({ tag: row.tag, pool: row.pool, isInexact: false, mapped: [] });
    }
    const known = this.tags[number];
    if (row.isInexact) known.isInexact = true;
    const mapped = row.mapped?.slice(0, MAX_MAPPED_LENGTH);
    if (mapped && known.mapped.length < MAX_MAPPED && !known.mapped.includes(mapped))
      known.mapped.push(mapped);
    return number;
  }
}

/** Frames in the order they came. The first and the last one are always among them. */
export class FrameStore {
  readonly table = new TagTable();
  /** Rows that name a tag a second time within one snapshot. */
  repeatedRows = 0;
  #frames: Frame[] = [];
  #latest: Frame | undefined;
  #sinceKept = 0;
  #stride = 1;
  #cells = 0;
  #added = 0;
  /** By tag: the row of the snapshot at hand that has it. */
  #rowOfTag = new Int32Array(MAX_TAGS).fill(-1);

  get frames(): Frame[] {
    return this.#latest === undefined ? this.#frames : [...this.#frames, this.#latest];
  }

  get isThinned(): boolean {
    return this.#stride > 1;
  }

  add(snapshot: PoolSnapshot, arrival: number): void {
    const frame = this.#pack(snapshot, arrival);
    this.#sinceKept++;
    if (this.#frames.length > 0 && this.#sinceKept < this.#stride) {
      frame.standsFor += this.#latest?.standsFor ?? 0;
      this.#latest = frame;
      return;
    }
    frame.standsFor += this.#latest?.standsFor ?? 0;
    this.#latest = undefined;
    this.#sinceKept = 0;
    this.#frames.push(frame);
    this.#cells += frame.tags.length;
    while (
      this.#frames.length > MAX_FRAMES - (this.#stride > 1 ? 1 : 0) ||
      (this.#cells > MAX_CELLS && this.#frames.length > 2)
    )
      this.#halve();
  }

  #halve(): void {
    const last = this.#frames.length - 1;
    const kept: Frame[] = [];
    let waiting = 0;
    this.#frames.forEach((frame, i) => {
      if (i % 2 === 0) {
        frame.standsFor += waiting;
        waiting = 0;
        kept.push(frame);
      } else if (i === last) {
        frame.standsFor += waiting;
        this.#latest = frame;
        this.#sinceKept = this.#stride;
      } else waiting += frame.standsFor;
    });
    this.#frames = kept;
    this.#stride *= 2;
    this.#cells = kept.reduce((sum, { tags }) => sum + tags.length, 0);
  }

  #pack(snapshot: PoolSnapshot, arrival: number): Frame {
    const tags = new Int32Array(snapshot.rows.length);
    const numbers = new Float64Array(snapshot.rows.length * NUMBERS_OF_ROW);
    let count = 0;
    for (const row of snapshot.rows) {
      const tag = this.table.numberOf(row);
      if (tag === undefined) continue;
      const at = this.#rowOfTag[tag];
      if (at >= 0) {
        this.repeatedRows++;
        // Different tags that are printed alike belong together; else the later line is the truth.
        putNumbers(numbers, at, row, row.isInexact === true);
        continue;
      }
      this.#rowOfTag[tag] = count;
      tags[count] = tag;
      putNumbers(numbers, count++, row, false);
    }
    for (let i = 0; i < count; i++) this.#rowOfTag[tags[i]] = -1;
    const { takenAtMs } = snapshot;
    return {
      arrival,
      place: this.#added++,
      standsFor: 1,
      file: snapshot.file,
      line: snapshot.line,
      takenAtMs:
        takenAtMs !== undefined && Math.abs(takenAtMs) <= LAST_DATE_MS ? Math.round(takenAtMs) : undefined,
      timeFrom: snapshot.timeFrom,
      session: snapshot.session,
      memory: snapshot.memory,
      tags: count === tags.length ? tags : tags.slice(0, count),
      numbers: count === tags.length ? numbers : numbers.slice(0, count * NUMBERS_OF_ROW),
    };
  }
}

function putNumbers(numbers: Float64Array, row: number, from: PoolRow, adds: boolean): void {
  const at = row * NUMBERS_OF_ROW;
  const printed = [from.allocs, from.frees, from.diff, from.bytes];
  for (let i = 0; i < NUMBERS_OF_ROW; i++) {
    const number = Number.isFinite(printed[i]) ? Math.round(printed[i]!) : Number.NaN;
    numbers[at + i] = adds ? numbers[at + i] + number : number;
  }
}
