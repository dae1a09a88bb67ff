/** What a register or a place in memory may hold: the small domain in which the analysis thinks. */
import type { ConstantOrigin } from '../../../data/facts.ts';
import type { Place } from '../processors/places.ts';
import { isSame } from './make-value.ts';

/** One possible value; numbers have 32 bits, addresses are RVAs. */
export type Value =
  | {
      kind: 'constant';
      value: number;
      origin: ConstantOrigin;
      /** Where the bytes stand or were computed. */
      rva: number;
      /** In a traced analysis: the instructions that carried it, the first one first. */
      via?: readonly number[];
    }
  /** An address of the image. */
  | { kind: 'address'; rva: number }
  /**
   * What the image's memory holds at an address (an import slot, a pointer filled at run time), plus a constant. With a stride, the
   * same of any element of an array there.
   */
  | { kind: 'memory'; rva: number; plus: number; stride?: number }
  /**
   * What memory holds `offset` bytes behind the pointer that the image's memory holds at `rva`. With a stride, the field of
   * any element of an array there.
   */
  | { kind: 'behind'; rva: number; offset: number; stride?: number }
  /**
   * What memory holds `offset` bytes behind an object that is not known; `owner` is the distance at which the pointer
   * to it was found in another object. With a stride, the field of any element of an array in it.
   */
  | {
      kind: 'field';
      offset: number;
      owner: number | undefined;
      /** The variable that points at that other object. */
      rva?: number;
      stride?: number;
      /** The call that returned the object. */
      operation?: number;
      /** Where the pointer to the object stands in the frame, if nothing in the function has put it there. */
      slot?: number;
      /** The same seen from the caller, where the object is one whose address stands in a structure of the caller's. */
      place?: Place;
    }
  /** `plus` bytes (and any multiple of `stride`, where that is not 0) behind what another value is: a part of an object. */
  | { kind: 'inside'; object: OpenValue; plus: number; stride: number }
  /** A number of which bits were changed that a tag may have changed: those of `mask` are kept, then those of `value` turned. */
  | { kind: 'changed'; object: OpenValue; mask: number; value: number }
  /** A number with its bytes the other way round. */
  | { kind: 'swapped'; object: OpenValue }
  /** An address of the function's own frame: bytes above the return address. */
  | { kind: 'stack'; offset: number }
  /** What the caller passed, as the function sees it at its entry. */
  | { kind: 'parameter'; place: Place }
  /** What a call of this function returned; `operation` is the call. */
  | { kind: 'result'; operation: number }
  /** Any multiple of a number, plus a constant: an index times the size of an element, and a field of it. */
  | { kind: 'multiple'; stride: number; plus: number }
  /** The address of some element of an array. */
  | { kind: 'element'; rva: number; stride: number }
  /** The address of some element of an array in the function's own frame. */
  | { kind: 'stack-element'; offset: number; stride: number }
  /** The value itself, in a loop: what was there before, plus a step; `operation` is what carries it round. */
  | { kind: 'previous'; plus: number; operation: number }
  /** A number of which only these bits may be set; with `place`, what the caller passed there, moved to them. */
  | { kind: 'bits'; mask: number; place?: Place }
  /** A tag of which some bits of one character are not known: `base + (n << 24)` without a bound for n. */
  | {
      kind: 'family';
      value: number;
      mask: number;
      /** The instruction that put the unknown number in. */
      rva: number;
      base: FamilyBase;
      /** Where the caller passed the unknown number, moved to the mask's bits, before it was added. */
      place?: Place;
      /** As of a constant, from the base on. */
      via?: readonly number[];
    }
  /** A place of the frame that nothing followed has written: what it was given by a call is always the same. */
  | { kind: 'blank'; offset: number }
  /** A number that may be anything: read from somewhere, counted, passed; with `place`, as the lower part of what stands there. */
  | { kind: 'unknown'; place?: Place }
  /** A number computed in a way that is not followed, so that nothing may be built on it. */
  | { kind: 'derived' };

/** The constant into which a number that is not known is put: where it stands, and how it came about. */
export interface FamilyBase {
  origin: ConstantOrigin;
  rva: number;
  /** The number's bits are set in it, not added to it. */
  isSetIn?: true;
}

/** What is the same wherever it is read, but not known here. */
export type OpenValue = Extract<
  Value,
  { kind: 'parameter' | 'field' | 'behind' | 'memory' | 'result' | 'unknown' | 'blank' }
>;

/** Whether the value is open: two reads of it give the same, so that its parts can be told apart. */
export function isOpenValue(value: Value): value is OpenValue {
  return ['parameter', 'field', 'behind', 'memory', 'result', 'unknown', 'blank'].includes(value.kind);
}

/** More possibilities than this are no longer an answer: real selections of tags have a handful. */
const MAX_VALUES = 24;

/**
 * A set of values without doubles; small enough that a list is quicker than a map. Nearly all sets have one value, and a
 * search makes a million of them: one value is never put into a list that has room for more.
 */
export class ValueSet {
  /** Not to be changed by others. */
  values: Value[];

  constructor(values: Value[] = []) {
    this.values = values;
  }

  static of(value: Value): ValueSet {
    return new ValueSet([value]);
  }

  static ofAll(values: readonly Value[]): ValueSet {
    const set = new ValueSet();
    for (const value of values) set.add(value);
    return set;
  }

  add(value: Value): void {
    if (this.values.length === 0) {
      this.values = [value];
      return;
    }
    const at = this.values.findIndex(known => isSame(known, value));
    if (at < 0 && this.values.length < MAX_VALUES) this.values.push(value);
    // Of the same number in data and in an instruction the latter is kept: code is the stronger evidence.
    else if (at >= 0 && value.kind === 'constant' && value.origin === 'immediate') this.values[at] = value;
  }

  addAll(other: ValueSet): void {
    if (this.values.length === 0) {
      this.values = other.values.slice();
      return;
    }
    for (const value of other.values) this.add(value);
  }

  /** How many of the values are constants. */
  numbers(): number {
    return this.values.reduce((count, { kind }) => count + (kind === 'constant' ? 1 : 0), 0);
  }

  /** The set with every value replaced. */
  map(change: (value: Value) => Value): ValueSet {
    if (this.values.length === 1) return ValueSet.of(change(this.values[0]));
    const set = new ValueSet();
    for (const value of this.values) set.add(change(value));
    return set;
  }

  /** The set with every value replaced by any number of values. */
  flatMap(change: (value: Value) => ValueSet): ValueSet {
    if (this.values.length === 1) return change(this.values[0]);
    const set = new ValueSet();
    for (const value of this.values) set.addAll(change(value));
    return set;
  }

  /** Every pair of two sets, combined. */
  combine(other: ValueSet, join: (left: Value, right: Value) => Value): ValueSet {
    if (this.values.length === 1 && other.values.length === 1)
      return ValueSet.of(join(this.values[0], other.values[0]));
    const set = new ValueSet();
    for (const left of this.values) for (const right of other.values) set.add(join(left, right));
    return set;
  }
}
