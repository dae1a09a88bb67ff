/** The one shape of all values of values.ts; only what makes them looks at it. */
import type { ConstantOrigin } from '../../../data/facts.ts';
import type { Place } from '../processors/places.ts';
import type { FamilyBase, OpenValue, Value } from './values.ts';

/**
 * Every value has every field, used or not, in the same order. V8 compiles code for the shapes that it has seen and
 * throws the code away at the first of another shape: with a shape for each kind, a scan that begins spends more on
 * compiling again than on scanning.
 */
export class AnyValue {
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

/** The same value once more, to be changed. */
export function copyOf(value: Value): AnyValue {
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
