/** What stands behind pointers: in the image, in the function's frame, or behind what the function does not know. */

import { arrayField, imageArray, localArray } from './array-values.ts';
import { behindPointer } from './behind-pointer.ts';
import { countedNumbers } from './loop-counters.ts';
import { constant } from './make-value.ts';
import { withoutNull } from './null-pointers.ts';
import { type Value, ValueSet } from './values.ts';
import { framePart, imagePart, type Walk } from './walk.ts';

/** What stands `offset` bytes behind each pointer just before an operation, which may pass it on: rows of tables among them. */
export function passedMemory(walk: Walk, pointers: ValueSet, offset: number, before: number): ValueSet {
  return withoutNull(pointers, offset).flatMap(
    pointer => passedRow(walk, pointer, pointers, offset, before) ?? fieldAt(walk, pointer, offset, before),
  );
}

/** What the row of a table holds that is passed on in each round of a loop. */
function passedRow(
  walk: Walk,
  pointer: Value,
  pointers: ValueSet,
  offset: number,
  before: number,
): ValueSet | undefined {
  if (pointer.kind !== 'address' || pointers.values.length === 1) return undefined;
  const found = walkedArray(walk, pointer.rva, pointers, offset, before, 0);
  return found?.values.some(({ kind }) => kind === 'constant' || kind === 'address') ? found : undefined;
}

/** The `width` bytes behind a pointer: of a local structure, one of the image, or one that the caller passes. */
export function fieldAt(walk: Walk, pointer: Value, offset: number, before: number, width = 4): ValueSet {
  switch (pointer.kind) {
    case 'stack':
      return walk.at(framePart(pointer.offset + offset, width), before, 0);
    case 'address':
      return walk.at(imagePart((pointer.rva + offset) | 0, width), before, 0);
    case 'element':
    case 'stack-element':
      return arrayField(walk, pointer, offset, before);
  }
  return ValueSet.of(behindPointer(pointer, offset));
}

/**
 * What memory holds `offset` bytes behind a pointer. `siblings` are the other values of the pointer: an address
 * together with "the previous value plus a step" is a pointer that walks an array.
 */
export function memoryAt(
  walk: Walk,
  pointer: Value,
  offset: number,
  before: number,
  depth: number,
  siblings?: ValueSet,
): ValueSet {
  switch (pointer.kind) {
    case 'address': {
      const walked =
        siblings === undefined ? undefined : walkedArray(walk, pointer.rva, siblings, offset, before, depth);
      if (walked !== undefined) return walked;
      const rva = (pointer.rva + offset) | 0;
      return walk.at(imagePart(rva, 4), before, depth + 1);
    }
    case 'element':
      return imageArray(walk, (pointer.rva + offset) | 0, pointer.stride);
    case 'stack':
      return walk.at(framePart(pointer.offset + offset, 4), before, depth + 1);
    case 'stack-element':
      return localArray(walk, pointer.offset + offset, pointer.stride, before, depth);
  }
  return ValueSet.of(behindPointer(pointer, offset));
}

/**
 * What stands `offset` bytes behind a pointer that walks an array of the image from `rva` on, which is one of the values that a register
 * holds: the others are what it is a round later. Undefined where it does not walk.
 */
function walkedArray(
  walk: Walk,
  rva: number,
  pointers: ValueSet,
  offset: number,
  before: number,
  depth: number,
): ValueSet | undefined {
  const step = pointers.values.find(value => value.kind === 'previous' && value.plus > 0);
  if (step?.kind !== 'previous') return undefined;
  // Another number that is counted beside the pointer may tell how many elements there are.
  const numbers = [constant(rva, 'computed', walk.body.operations.rva[before]), step];
  const rounds = countedNumbers(walk, numbers, before, depth)?.length;
  const isSecond = pointers.values.some(one => one.kind === 'address' && one.rva === rva - step.plus);
  const elements = rounds === undefined ? undefined : rounds - (isSecond ? 1 : 0);
  // What begins a step behind the second row's pointer is no row where code names it: of two rows it is the end. (What it is seen to
  // name in the second row proves nothing: on ARM64 the step itself looks so, and what is read behind it.)
  const rowBytes = isSecond ? Math.max(4, step.plus - Math.max(offset, 0)) : step.plus;
  return imageArray(walk, (rva + offset) | 0, step.plus, { elements, inRow: offset, rowBytes });
}
