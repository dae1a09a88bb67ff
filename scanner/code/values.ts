/** What a register or a place in memory may hold: the small domain in which the analysis thinks. */
import type { ConstantOrigin } from '../../data/facts.ts';
import type { Place } from './processor.ts';

/** One possible value of 32 bits. */
export type Value =
  | { kind: 'constant'; value: number; origin: ConstantOrigin; rva: number }
  /** An address of the image. */
  | { kind: 'address'; rva: number }
  /** What the image's memory holds at an address (an import slot, a pointer). */
  | { kind: 'memory'; rva: number }
  /** What the caller passed. For stack places the offset counts from the return address. */
  | { kind: 'parameter'; place: Place }
  | { kind: 'unknown' };

export const UNKNOWN: Value = { kind: 'unknown' };

/** More possibilities than this are no longer an answer: real selections of tags have a handful. */
export const MAX_VALUES = 24;

/** A set of values without doubles; small enough that a list is quicker than a map. */
export class ValueSet {
  readonly values: Value[] = [];

  static of(...values: Value[]): ValueSet {
    const set = new ValueSet();
    for (const value of values) set.add(value);
    return set;
  }

  add(value: Value): void {
    if (this.values.length >= MAX_VALUES || this.values.some(known => isSame(known, value))) return;
    this.values.push(value);
  }

  addAll(other: ValueSet): void {
    for (const value of other.values) this.add(value);
  }

  /** The set with every value replaced. */
  map(change: (value: Value) => Value): ValueSet {
    const set = new ValueSet();
    for (const value of this.values) set.add(change(value));
    return set;
  }

  /** Every pair of two sets, combined. */
  combine(other: ValueSet, join: (left: Value, right: Value) => Value): ValueSet {
    const set = new ValueSet();
    for (const left of this.values) for (const right of other.values) set.add(join(left, right));
    return set;
  }
}

function isSame(a: Value, b: Value): boolean {
  if (a.kind === 'constant') return b.kind === 'constant' && a.value === b.value;
  if (a.kind === 'parameter') return b.kind === 'parameter' && placeKey(a.place) === placeKey(b.place);
  if (a.kind === 'unknown') return b.kind === 'unknown';
  return b.kind === a.kind && b.rva === a.rva;
}

/** A number that names a place: registers are negative. */
export function placeKey(place: Place): number {
  return 'register' in place ? -1 - place.register : place.stackOffset;
}

/** A constant, kept as an unsigned 32-bit number. */
export function constant(value: number, origin: ConstantOrigin, rva: number): Value {
  return { kind: 'constant', value: value >>> 0, origin, rva };
}
