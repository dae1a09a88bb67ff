/** What an operation's memory operand holds, and its address. */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { Alu, BASE_IMAGE, indexFactor, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { compute } from './arithmetic.ts';
import { enumerated } from './bounds.ts';
import { orItsEqual } from './equal-registers.ts';
import { gridSums } from './grid-sums.ts';
import { counted } from './loop-counters.ts';
import { address, constant, DERIVED, inFrame, memory, UNKNOWN } from './make-value.ts';
import { withoutNull } from './null-pointers.ts';
import { oneNumber } from './one-number.ts';
import { memoryAt } from './pointed-memory.ts';
import { multiplied } from './register-arithmetic.ts';
import { readBack } from './store-sources.ts';
import { isOpenValue, type Value, ValueSet } from './values.ts';
import { framePart, imagePart, register, type Walk } from './walk.ts';

/** What a load reads, `lane` bytes in: a stack slot, or memory of the image. */
export function loadedValue(walk: Walk, i: number, lane: number, width: number, depth: number): ValueSet {
  return operandInMemory(walk, i, walk.body.slot[i], lane, width, depth);
}

/** What the operation's memory operand holds; `slot` is its place in the frame, or NO_SLOT. */
export function operandInMemory(
  walk: Walk,
  i: number,
  slot: number,
  lane: number,
  width: number,
  depth: number,
): ValueSet {
  const { op, index, base, displacement } = walk.body.operations;
  if (slot !== NO_SLOT) return walk.at(framePart(slot + lane, width), i, depth + 1);
  if (width !== 4) return ValueSet.of(UNKNOWN);
  if (base[i] === BASE_IMAGE) {
    if (index[i] === NONE) return walk.at(imagePart((displacement[i] + lane) | 0, 4), i, depth + 1);
    return indexedMemory(walk, ValueSet.of(address(displacement[i])), lane, i, depth);
  }
  if (base[i] >= VECTOR0) return ValueSet.of(UNKNOWN);
  const offset = displacement[i] + lane;
  const isPlainRead = index[i] === NONE && (op[i] === Op.load || op[i] === Op.push);
  const stored = isPlainRead ? readBack(walk, i, offset, depth) : undefined;
  if (stored !== undefined) return stored;
  const found = orItsEqual(walk, base[i], i, walk.at(register(base[i]), i, depth + 1), depth);
  if (index[i] !== NONE) return indexedMemory(walk, counted(walk, found, i, depth), offset, i, depth);
  return found.values.length === 1
    ? memoryAt(walk, found.values[0], offset, i, depth, found)
    : memoryBehind(walk, found, offset, i, depth);
}

// The rarer ways have functions of their own: where a closure is made, room for what it uses is made at each call.

function memoryBehind(walk: Walk, pointers: ValueSet, offset: number, i: number, depth: number): ValueSet {
  return withoutNull(pointers, offset).flatMap(pointer =>
    memoryAt(walk, pointer, offset, i, depth, pointers),
  );
}

function indexedMemory(walk: Walk, pointers: ValueSet, offset: number, i: number, depth: number): ValueSet {
  const { base, displacement } = walk.body.operations;
  const inTable = base[i] === BASE_IMAGE ? 0 : displacement[i];
  return pointers.flatMap(pointer =>
    indexed(walk, pointer, i, depth, inTable).flatMap(place =>
      place.kind === 'derived' ? filledArray(walk, pointer, offset) : memoryAt(walk, place, offset, i, depth),
    ),
  );
}

/**
 * An array by an index that is not followed (`lists[hash % count]`): nothing of it is read, but where it is filled at run time it
 * goes by its first variable.
 */
function filledArray({ image }: Walk, pointer: Value, offset: number): ValueSet {
  if (pointer.kind !== 'address') return ValueSet.of(UNKNOWN);
  const rva = (pointer.rva + offset) | 0;
  const isFilled = image.sectionAt(rva)?.writable === true && (image.u32At(rva) ?? 0) === 0;
  return isFilled ? ValueSet.ofAll([UNKNOWN, memory(rva)]) : ValueSet.of(UNKNOWN);
}

/** The address that an `Op.address` computes, or what its sum is of numbers. */
export function addressValue(walk: Walk, i: number, depth: number): ValueSet {
  const { base, index, scale, displacement, rva } = walk.body.operations;
  if (walk.body.slot[i] !== NO_SLOT) return ValueSet.of(inFrame(walk.body.slot[i]));
  const factor = indexFactor(scale[i]);
  if (base[i] === BASE_IMAGE) {
    return indexed(walk, address(displacement[i]), i, depth);
  }
  if (base[i] >= VECTOR0 && base[i] !== NONE) return ValueSet.of(UNKNOWN);
  const one = base[i] === index[i] ? undefined : oneNumber(walk, base[i], index[i], i);
  if (one !== undefined) {
    const added = constant(displacement[i], 'computed', rva[i]);
    const multiple = multiplied(walk, one, one.first + one.second * factor, i, depth);
    return multiple.map(value => compute(Alu.add, value, added, rva[i])[0]);
  }
  let sum = ValueSet.of(constant(displacement[i], 'computed', rva[i]));
  const parts: [number: number, factor: number][] = [];
  // The same register twice is one value times three, not two values that vary apart.
  if (base[i] !== NONE) parts.push([base[i], base[i] === index[i] ? 1 + factor : 1]);
  if (index[i] !== NONE && index[i] !== base[i]) parts.push([index[i], factor]);
  for (const [number, times] of parts) {
    const found = walk.at(register(number), i, depth + 1);
    // A number that is only moved on stays what a loop counts; what it counts times something is an element's distance.
    const isMoved = parts.length === 1 && times === 1;
    const scaled = (isMoved ? found : counted(walk, found, i, depth)).map(value =>
      times === 1 ? value : compute(Alu.multiply, value, constant(times, 'computed', rva[i]), rva[i])[0],
    );
    // As in arithmetic: two sets of numbers may be two views of one choice.
    if (sum.numbers() > 1 && scaled.numbers() > 1)
      return gridSums(sum, scaled, rva[i]) ?? ValueSet.of(DERIVED);
    sum = sum.combine(scaled, (left, right) => compute(Alu.add, right, left, rva[i])[0]);
  }
  return sum;
}

/**
 * The pointer plus the operation's index: an exact address, or some element of an array, `offset` bytes in. Microsoft's compiler
 * takes the image's base for the pointer and the table's RVA for the offset.
 */
function indexed(walk: Walk, pointer: Value, i: number, depth: number, offset = 0): ValueSet {
  const { index, scale, rva } = walk.body.operations;
  if (index[i] === NONE) return ValueSet.of(pointer);
  if (
    pointer.kind !== 'address' &&
    pointer.kind !== 'element' &&
    pointer.kind !== 'multiple' &&
    pointer.kind !== 'bits' &&
    pointer.kind !== 'constant' &&
    pointer.kind !== 'stack' &&
    !isOpenValue(pointer)
  )
    return ValueSet.of(UNKNOWN);
  const factor = constant(indexFactor(scale[i]), 'computed', rva[i]);
  const found = walk.at(register(index[i]), i, depth + 1);
  const isTable =
    pointer.kind === 'address' &&
    found.values.some(value => isOpenValue(value) || value.kind === 'inside') &&
    walk.image.sectionAt(pointer.rva + offset)?.writable === false;
  const numbers = isTable
    ? enumerated(walk, found, i, depth)
    : (boundedMultiples(walk, pointer, found, i, depth) ?? counted(walk, found, i, depth));
  return numbers.map(value => {
    const distance = compute(Alu.multiply, value, factor, rva[i])[0];
    return compute(Alu.add, pointer, distance, rva[i])[0];
  });
}

/**
 * The index of a table that has been multiplied (`lea eax, [eax + 2*eax]`), where a comparison bounds it: past its end may stand anything.
 * Before the multiplication it may still become a part of another number.
 */
function boundedMultiples(
  walk: Walk,
  pointer: Value,
  found: ValueSet,
  i: number,
  depth: number,
): ValueSet | undefined {
  if (pointer.kind !== 'address' || found.values.length !== 1 || found.values[0].kind !== 'multiple')
    return undefined;
  const { index, rva } = walk.body.operations;
  const one = oneNumber(walk, index[i], index[i], i);
  if (one === undefined || one.first === 1) return undefined;
  const numbers = enumerated(walk, walk.at(register(one.register), one.before, depth + 1), i, depth);
  if (!numbers.values.every(({ kind }) => kind === 'constant')) return undefined;
  const times = constant(one.first, 'computed', rva[i]);
  return numbers.map(value => compute(Alu.multiply, value, times, rva[i])[0]);
}
