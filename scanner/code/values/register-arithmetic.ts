/** What arithmetic leaves in a register: the operands looked up, the numbers of a bounded one enumerated, then computed. */

import { byteSwapped } from '../bytes/little-endian.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Alu, NONE, Op } from '../processors/operations.ts';
import { compute, computeWithItself } from './arithmetic.ts';
import { enumerated } from './bounds.ts';
import { foundByDistance } from './distance-tables.ts';
import { counted } from './loop-counters.ts';
import { constant, DERIVED, inFrame, swapped, UNKNOWN } from './make-value.ts';
import { type OneNumber, oneNumber } from './one-number.ts';
import { operandValue, sourceValue } from './register-operands.ts';
import { shiftedByHalf, shiftedFurther } from './register-parts.ts';
import { isOpenValue, ValueSet } from './values.ts';
import { registerPart, type Walk, type Wanted } from './walk.ts';

/** The result of an `Op.binary`. */
export function binaryValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  const { alu, rva, left, source, size, low } = walk.body.operations;
  if (walk.body.slot[i] !== NO_SLOT) return ValueSet.of(inFrame(walk.body.slot[i]));
  const operand = registerPart(left[i], wanted.lane, wanted.width);
  if (wanted.width === 4 && size[i] === 8 && source[i] === NONE && low[i] === 32) {
    const moved = shiftedByHalf(walk, i, wanted.lane, depth);
    if (moved !== undefined) return moved;
  }
  const isFar = size[i] === 8 && source[i] === NONE && low[i] > 32 && low[i] < 64;
  if (isFar && wanted.width === 4 && alu[i] === Alu.shiftRight)
    return shiftedFurther(walk, i, wanted.lane, depth);
  if (wanted.width === 1 && alu[i] === Alu.xor && size[i] === 1 && source[i] === NONE && low[i] === 1)
    return notValue(walk, i, depth);
  const isLanewise = alu[i] === Alu.and || alu[i] === Alu.or || alu[i] === Alu.xor;
  if (wanted.lane !== 0 && !isLanewise) return ValueSet.of(UNKNOWN);
  if (left[i] === source[i]) {
    const itself = computeWithItself(alu[i], rva[i]);
    if (itself !== undefined) return ValueSet.ofAll(itself);
    const found = walk.at(operand, i, depth + 1);
    // `add rax, rax`, as Microsoft's compiler doubles an index; elsewhere it is a shift.
    const two = constant(2, 'computed', rva[i]);
    if (alu[i] === Alu.add) return found.map(value => compute(Alu.multiply, value, two, rva[i])[0]);
    return found.map(value => compute(alu[i], value, value, rva[i])[0]);
  }
  const isSum = alu[i] === Alu.add || alu[i] === Alu.subtract;
  const one = isSum && source[i] !== NONE ? oneNumber(walk, left[i], source[i], i) : undefined;
  if (one !== undefined && wanted.width === 4) {
    const factor = one.first + (alu[i] === Alu.add ? one.second : -one.second);
    return multiplied(walk, one, factor, i, depth);
  }
  if (alu[i] === Alu.add && source[i] !== NONE && size[i] === 8) {
    const pointers = foundByDistance(walk, i, depth);
    if (pointers !== undefined) return pointers;
  }
  const found = walk.at(operand, i, depth + 1);
  const isBounded =
    placesCharacter(alu[i], source[i], low[i]) ||
    countsElements(alu[i], source[i], found) ||
    setsCounted(alu[i], found);
  const added = sourceValue(walk, i, wanted, depth);
  // Either register of a sum may hold the pointer, and the other one the distance that a loop counts.
  const isRegisters = alu[i] === Alu.add && source[i] !== NONE;
  const isDistance = isRegisters && !isBounded && added.numbers() === 0;
  const lefts = isBounded
    ? enumerated(walk, found, i, depth)
    : isDistance
      ? counted(walk, found, i, depth)
      : found;
  const isPointer = isRegisters && lefts.numbers() === 0;
  const rights = isPointer || setsCounted(alu[i], added) ? counted(walk, added, i, depth) : added;
  // Two sets of numbers may be two views of one choice: what they add up to is not every sum of them.
  if (lefts.numbers() > 1 && rights.numbers() > 1 && !isSelecting(alu[i])) return ValueSet.of(DERIVED);
  const results = new ValueSet();
  for (const a of lefts.values) {
    for (const b of rights.values) for (const value of compute(alu[i], a, b, rva[i])) results.add(value);
  }
  return results;
}

/** `xor cl, 1`: a byte of which this is made is nearly always a BOOLEAN, so that it is 0 or 1 before and behind. */
function notValue(walk: Walk, i: number, depth: number): ValueSet {
  const { left, rva } = walk.body.operations;
  const { values } = walk.at(registerPart(left[i], 0, 1), i, depth + 1);
  const isKnown = values.every(({ kind }) => kind === 'constant');
  const numbers = isKnown ? values : [0, 1].map(number => constant(number, 'computed', rva[i]));
  const one = constant(1, 'computed', rva[i]);
  return ValueSet.ofAll(numbers).map(value => compute(Alu.xor, value, one, rva[i])[0]);
}

/** A multiple of one number, which operation `i` makes of two of its multiples. */
export function multiplied(walk: Walk, one: OneNumber, factor: number, i: number, depth: number): ValueSet {
  const rva = walk.body.operations.rva[i];
  const found = walk.at(registerPart(one.register, 0, 4), one.before, depth + 1);
  const numbers = countsElements(Alu.multiply, NONE, found) ? enumerated(walk, found, i, depth) : found;
  const times = constant(factor, 'computed', rva);
  return numbers.map(value => compute(Alu.multiply, value, times, rva)[0]);
}

/** The result of an `Op.negate` or `Op.invert`: an operand subtracted from 0, or every bit of it turned. */
export function unaryValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  if (wanted.lane !== 0) return ValueSet.of(UNKNOWN);
  const { op, source, rva } = walk.body.operations;
  const isNegate = op[i] === Op.negate;
  const all = constant(isNegate ? 0 : 0xffffffff, 'computed', rva[i]);
  const alu = isNegate ? Alu.subtract : Alu.xor;
  return operandValue(walk, source[i], wanted, i, depth).map(value => compute(alu, all, value, rva[i])[0]);
}

/** The result of an `Op.byteSwap`: only of whole 32 bits. */
export function byteSwapValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  const { source, size, rva } = walk.body.operations;
  if (wanted.lane !== 0 || size[i] !== 4) return ValueSet.of(UNKNOWN);
  return operandValue(walk, source[i], wanted, i, depth).map(value => {
    if (value.kind === 'constant') return constant(byteSwapped(value.value), 'computed', rva[i]);
    return isOpenValue(value) ? swapped(value) : DERIVED;
  });
}

/** Masks choose between constants (`sbb`, `and`), and `or` joins characters, without an order. */
function isSelecting(alu: number): boolean {
  return alu === Alu.and || alu === Alu.or || alu === Alu.xor;
}

/** Whether the operation makes the index of an element of what a loop counts: past its end may stand anything. */
function countsElements(alu: number, source: number, numbers: ValueSet): boolean {
  const isScaled = source === NONE && (alu === Alu.shiftLeft || alu === Alu.multiply);
  return isScaled && numbers.values.some(({ kind }) => kind === 'previous' || kind === 'parameter');
}

/** Whether bits of what a loop counts are set in something, as clang writes a sum of numbers that have no bit in common. */
function setsCounted(alu: number, numbers: ValueSet): boolean {
  return alu === Alu.or && numbers.values.some(({ kind }) => kind === 'previous');
}

/** Whether the operation moves a small number to where a character of a tag is. */
function placesCharacter(alu: number, source: number, amount: number): boolean {
  if (source !== NONE) return false;
  return (
    (alu === Alu.shiftLeft && amount >= 8) ||
    (alu === Alu.multiply && amount >= 0x100 && amount % 0x100 === 0)
  );
}
