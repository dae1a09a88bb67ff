/** What memory holds behind a pointer that leads to nothing of the function at hand or of the image: a field of some object. */
import type { Place } from '../processors/places.ts';
import { AnyValue } from './any-value.ts';
import { parameter, UNKNOWN } from './make-value.ts';
import type { OpenValue, Value } from './values.ts';

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
