/** What a call that copies or fills memory leaves in the function's frame. */

import type { Place } from '../processors/places.ts';
import { behindPointer } from './behind-pointer.ts';
import { constant, UNKNOWN } from './make-value.ts';
import type { MemoryFunction } from './memory-functions.ts';
import { type Value, ValueSet } from './values.ts';
import { framePart, imagePart, register, type Walk, type Wanted } from './walk.ts';

/** What the call `i` puts into the wanted memory; undefined where it writes elsewhere, or where and how much is not known. */
export function calledValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet | undefined {
  const called = walk.memoryFunctions?.at(walk.body, i);
  if (called === undefined || wanted.space === 'image') return undefined;
  const to = onlyValue(argument(walk, called.to, i, depth));
  if (to?.kind !== 'stack' || wanted.at + wanted.width <= to.offset) return undefined;
  const size = onlyNumber(argument(walk, called.size, i, depth));
  const lane = wanted.at - to.offset;
  if (size === undefined || lane >= size) return undefined;
  // A part of what is wanted was there before.
  if (lane < 0 || lane + wanted.width > size) return ValueSet.of(UNKNOWN);
  if (called.from === undefined) return ValueSet.of(filled(walk, called, i, depth));
  return valueBehind(walk, argument(walk, called.from, i, depth), lane, wanted.width, i, depth);
}

/** What is read `lane` bytes behind pointers that a copy is made from. */
export function valueBehind(
  walk: Walk,
  pointers: ValueSet,
  lane: number,
  width: number,
  i: number,
  depth: number,
): ValueSet {
  return pointers.flatMap(pointer => {
    if (pointer.kind === 'address') return walk.at(imagePart((pointer.rva + lane) | 0, width), i, depth + 1);
    if (pointer.kind === 'stack') return walk.at(framePart(pointer.offset + lane, width), i, depth + 1);
    return ValueSet.of(behindPointer(pointer, lane));
  });
}

/** Four bytes of what memory is filled with. */
function filled(walk: Walk, { value }: MemoryFunction, i: number, depth: number): Value {
  const byte = value === undefined ? 0 : onlyNumber(argument(walk, value, i, depth));
  return byte === undefined
    ? UNKNOWN
    : constant((byte & 0xff) * 0x01010101, 'computed', walk.body.operations.rva[i]);
}

function argument(walk: Walk, place: Place, i: number, depth: number): ValueSet {
  const wanted =
    'register' in place ? register(place.register) : framePart(walk.body.stackAt[i] + place.stackOffset, 4);
  return walk.at(wanted, i, depth + 1);
}

function onlyValue({ values }: ValueSet): Value | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/** The number, where the set is just one. */
export function onlyNumber(set: ValueSet): number | undefined {
  const value = onlyValue(set);
  return value?.kind === 'constant' ? value.value : undefined;
}
