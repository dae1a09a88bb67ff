/** Makes and compares the values of values.ts: each kind is made by a function of its own, all are of one shape. */
import type { ConstantOrigin } from '../../../data/facts.ts';
import { type Place, placeKey } from '../processors/places.ts';
import type { FamilyBase, OpenValue, Value } from './values.ts';

/**
 * Every value has every field, used or not, in the same order. V8 compiles code for the shapes that it has seen and
 * throws the code away at the first of another shape: with a shape for each kind, a scan that begins spends more on
 * compiling again than on scanning.
 */
class AnyValue {
  kind: Value['kind'];
  rva: number | undefined = undefined;
  offset: number | undefined = undefined;
  plus: number | undefined = undefined;
  stride: number | undefined = undefined;
  value: number | undefined = undefined;
  mask: number | undefined = undefined;
  operation: number | undefined = undefined;
  owner: number | undefined = undefined;
  place: Place | undefined = undefined;
  origin: ConstantOrigin | undefined = undefined;
  object: OpenValue | undefined = undefined;
  base: FamilyBase | undefined = undefined;
  via: readonly number[] | undefined = undefined;
  slot: number | undefined = undefined;

  constructor(kind: Value['kind']) {
    this.kind = kind;
  }
}

// A field that has held nothing, a small and a large number before any code is compiled is expected to hold anything.
for (const number of [0, 2 ** 32 - 1]) {
  const value = new AnyValue('unknown');
  value.rva = value.offset = value.plus = value.stride = value.value = value.mask = number;
  value.operation = value.owner = value.slot = number;
}

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

/** What the image's memory holds at an address. */
/** With a stride, the first variable of an array stands for the same of any element. */
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

/** `place` is the same seen from the caller, where that is known; `operation` is the call that gave the object. */
function field(
  offset: number,
  owner: number | undefined,
  place?: Place,
  stride?: number,
  operation?: number,
): Value {
  const value = new AnyValue('field');
  value.offset = offset;
  value.owner = owner;
  value.place = place;
  value.stride = stride;
  value.operation = operation;
  return value as Value;
}

/** A field of the object whose pointer stands in another one, perhaps in what a variable points at. */
function fieldOf(
  pointer: Extract<Value, { kind: 'behind' | 'field' }>,
  offset: number,
  stride: number | undefined,
): Value {
  const found = field(offset, pointer.offset, undefined, stride) as AnyValue;
  if (pointer.kind === 'behind' && pointer.stride === undefined) found.rva = pointer.rva;
  return found as Value;
}

/** With a stride, the field of any element of the array that the variable points at. */
function behind(
  pointer: Extract<Value, { kind: 'memory' }>,
  offset: number,
  stride: number | undefined,
): Value {
  const value = new AnyValue('behind');
  value.rva = pointer.rva;
  value.offset = pointer.plus + offset;
  value.stride = stride;
  return value as Value;
}

/** What memory holds `offset` bytes behind a pointer that leads to nothing of this function or of the image. */
export function behindPointer(pointer: Value, offset: number): Value {
  switch (pointer.kind) {
    case 'memory':
      return behind(pointer, offset, undefined);
    case 'parameter': {
      const { behind } = pointer.place;
      if (behind === undefined) return parameter({ ...pointer.place, behind: offset });
      return field(offset, behind, { ...pointer.place, further: offset });
    }
    case 'behind':
    case 'field':
      return fieldOf(pointer, offset, undefined);
    case 'inside':
      if (pointer.stride === 0) return behindPointer(pointer.object, offset + pointer.plus);
      return elementOf(pointer.object, offset + pointer.plus, pointer.stride);
    case 'result':
      return field(offset, undefined, undefined, undefined, pointer.operation);
    case 'blank': {
      const found = field(offset, undefined) as AnyValue;
      found.slot = pointer.offset;
      return found as Value;
    }
    case 'unknown':
      return field(offset, undefined);
  }
  return UNKNOWN;
}

/** The field of any element of an array in an object. */
function elementOf(object: OpenValue, offset: number, stride: number): Value {
  switch (object.kind) {
    case 'memory':
      return behind(object, offset, stride);
    case 'parameter': {
      const { behind } = object.place;
      return behind === undefined
        ? field(offset, undefined, { ...object.place, behind: offset, stride }, stride)
        : field(offset, behind, undefined, stride);
    }
    case 'field':
    case 'behind':
      return fieldOf(object, offset, stride);
  }
  return field(offset, undefined, undefined, stride);
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
  return (
    one.object === other.object || (a.kind === 'inside' && b.kind === 'inside' && isSame(a.object, b.object))
  );
}

function keyOf(place: Place | undefined): string {
  return place === undefined ? '' : placeKey(place);
}

function copyOf(value: Value): AnyValue {
  // Whatever kind it is of, it was made here.
  const from = value as AnyValue;
  const copy = new AnyValue(from.kind);
  copy.rva = from.rva;
  copy.offset = from.offset;
  copy.plus = from.plus;
  copy.stride = from.stride;
  copy.value = from.value;
  copy.mask = from.mask;
  copy.operation = from.operation;
  copy.owner = from.owner;
  copy.place = from.place;
  copy.origin = from.origin;
  copy.object = from.object;
  copy.base = from.base;
  copy.via = from.via;
  copy.slot = from.slot;
  return copy;
}
