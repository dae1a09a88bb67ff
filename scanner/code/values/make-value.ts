/** Makes, moves and compares the values of values.ts: each kind is made by a function of its own, all are of one shape. */
import type { ConstantOrigin } from '../../../data/facts.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { AnyValue, copyOf } from './any-value.ts';
import type { OpenValue, Value } from './values.ts';

/** The values that have nothing to tell them apart, made once. */
export const UNKNOWN = new AnyValue('unknown') as Value;
export const DERIVED = new AnyValue('derived') as Value;

/** A constant, kept as an unsigned 32-bit number. */
export function constant(number: number, origin: ConstantOrigin, rva: number): Value {
  const value = new AnyValue('constant');
  value.value = number >>> 0;
  value.origin = origin;
  value.rva = rva;
  return value as Value;
}

export function address(rva: number): Value {
  const value = new AnyValue('address');
  value.rva = rva;
  return value as Value;
}

/** What the image's memory holds at an address; with a stride, the first variable of an array stands for the same of any element. */
export function memory(rva: number, stride?: number): Value {
  const value = new AnyValue('memory');
  value.rva = rva;
  value.plus = 0;
  value.stride = stride;
  return value as Value;
}

export function inFrame(offset: number): Value {
  const value = new AnyValue('stack');
  value.offset = offset;
  return value as Value;
}

export function parameter(place: Place): Value {
  const value = new AnyValue('parameter');
  value.place = place;
  return value as Value;
}

export function resultOf(operation: number): Value {
  const value = new AnyValue('result');
  value.operation = operation;
  return value as Value;
}

export function multiple(stride: number, plus: number): Value {
  const value = new AnyValue('multiple');
  value.stride = stride;
  value.plus = plus;
  return value as Value;
}

export function element(rva: number, stride: number): Value {
  const value = new AnyValue('element');
  value.rva = rva;
  value.stride = stride;
  return value as Value;
}

export function elementInFrame(offset: number, stride: number): Value {
  const value = new AnyValue('stack-element');
  value.offset = offset;
  value.stride = stride;
  return value as Value;
}

/** What was there before the loop came round to `operation` again. */
export function previous(operation: number): Value {
  const value = new AnyValue('previous');
  value.operation = operation;
  value.plus = 0;
  return value as Value;
}

export function bits(mask: number, place?: Place): Value {
  const value = new AnyValue('bits');
  value.mask = mask >>> 0;
  value.place = place;
  return value as Value;
}

/** The lower part of what the caller passed. */
export function partOfParameter(place: Place): Value {
  const value = new AnyValue('unknown');
  value.place = place;
  return value as Value;
}

/** `base`, a constant, with the bits of `mask` unknown since the instruction at `rva`; `place` is where they were passed. */
export function family(
  base: Extract<Value, { kind: 'constant' }>,
  mask: number,
  rva: number,
  place: Place | undefined,
  isSetIn?: true,
): Value {
  const value = new AnyValue('family');
  value.value = base.value;
  value.mask = mask;
  value.rva = rva;
  value.base = { origin: base.origin, rva: base.rva, isSetIn };
  value.place = place;
  value.via = base.via;
  return value as Value;
}

export function blank(offset: number): Value {
  const value = new AnyValue('blank');
  value.offset = offset;
  return value as Value;
}

export function inside(object: OpenValue, plus: number, stride: number): Value {
  const value = new AnyValue('inside');
  value.object = object;
  value.plus = plus;
  value.stride = stride;
  return value as Value;
}

/** An open number of which the bits of `mask` are kept, and then those of `turned` are turned. */
export function changed(object: OpenValue, mask: number, turned: number): Value {
  const value = new AnyValue('changed');
  value.object = object;
  value.mask = mask >>> 0;
  value.value = turned >>> 0;
  return value as Value;
}

export function swapped(object: OpenValue): Value {
  const value = new AnyValue('swapped');
  value.object = object;
  return value as Value;
}

/** An address, an index or a part of an object, moved by a number; undefined for other kinds. */
export function movedBy(value: Value, change: number): Value | undefined {
  switch (value.kind) {
    case 'address':
    case 'element': {
      const moved = copyOf(value);
      moved.rva = (value.rva + change) | 0;
      return moved as Value;
    }
    case 'stack':
    case 'stack-element': {
      const moved = copyOf(value);
      moved.offset = value.offset + change;
      return moved as Value;
    }
    case 'previous':
    case 'multiple':
    case 'memory':
    case 'inside': {
      const moved = copyOf(value);
      moved.plus = value.plus + change;
      return moved as Value;
    }
  }
  return undefined;
}

/** The value on its way through the instruction at `rva`. */
export function carriedBy(value: Value, rva: number): Value {
  const isCarried = value.kind === 'constant' || value.kind === 'family';
  if (!isCarried || value.via?.at(-1) === rva) return value;
  const carried = copyOf(value);
  carried.via = [...(value.via ?? []), rva];
  return carried as Value;
}

/** Whether two values are the same number, address or unknown; where a number comes from makes no difference. */
export function isSame(a: Value, b: Value): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'parameter') return b.kind === 'parameter' && placeKey(a.place) === placeKey(b.place);
  const [one, other] = [a as AnyValue, b as AnyValue];
  const isNumber = a.kind === 'constant' || a.kind === 'family';
  if (one.value !== other.value || one.mask !== other.mask || (!isNumber && one.rva !== other.rva))
    return false;
  if (one.offset !== other.offset || one.plus !== other.plus) return false;
  // An array of variables goes by the first one.
  if (one.stride !== other.stride && a.kind !== 'memory') return false;
  const isPassed = a.kind === 'bits' || a.kind === 'family' || a.kind === 'field';
  if (isPassed && keyOf(one.place) !== keyOf(other.place)) return false;
  const isOfCall = a.kind === 'result' || a.kind === 'field';
  if (one.owner !== other.owner || (isOfCall && one.operation !== other.operation)) return false;
  const [part, otherPart] = [one.object, other.object];
  return part === otherPart || (part !== undefined && otherPart !== undefined && isSame(part, otherPart));
}

function keyOf(place: Place | undefined): string {
  return place === undefined ? '' : placeKey(place);
}
