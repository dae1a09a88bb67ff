/** Arithmetic on possible values, in 32 bits: ternaries, switches and array indices are folded into it by compilers. */

import { Alu } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import {
  bits,
  changed,
  constant,
  DERIVED,
  element,
  elementInFrame,
  family,
  inside,
  movedBy,
  multiple,
  UNKNOWN,
} from './make-value.ts';
import { isOpenValue, type Value } from './values.ts';

/** The possible results of `left ALU right`, computed at `rva`; a carry counts as both 0 and 1. */
export function compute(alu: number, left: Value, right: Value, rva: number): Value[] {
  if (alu === Alu.and) {
    // A half of a wide register that the mask leaves alone.
    if (isAllOnes(right)) return [left];
    if (isAllOnes(left)) return [right];
    const kept = right.kind === 'constant' ? changedBits(left, right.value, 0) : undefined;
    if (kept !== undefined) return [kept];
    const masked = maskedValues(left, right, rva) ?? maskedValues(right, left, rva);
    if (masked !== undefined) return masked;
  }
  if (alu === Alu.shiftLeft || alu === Alu.shiftRight) {
    const shifted = shiftedBits(alu, left, right, rva);
    if (shifted !== undefined) return shifted;
  }
  if (alu === Alu.add || alu === Alu.or) {
    const family = familyOf(alu, left, right, rva) ?? familyOf(alu, right, left, rva);
    if (family !== undefined) return [family];
  }
  const usesCarry = alu === Alu.addWithCarry || alu === Alu.subtractWithBorrow;
  const without = computeOne(alu, left, right, rva, 0);
  return usesCarry ? [without, computeOne(alu, left, right, rva, 1)] : [without];
}

/** A bit that old allocators take with the tag. */
const PROTECTED_POOL = 0x80000000;

function isAllOnes(value: Value): boolean {
  return value.kind === 'constant' && value.value === 0xffffffff;
}

/** Bits that functions change in tags: PROTECTED_POOL, those that tell small letters from capitals, and a digit's at the end. */
const CHANGED_BITS = PROTECTED_POOL | 0x2f202020;

/** An open number of which such bits are changed; undefined for everything else. */
function changedBits(value: Value, mask: number, turned: number): Value | undefined {
  if (((~mask | turned) & ~CHANGED_BITS) !== 0) return undefined;
  if (value.kind === 'changed')
    return changed(value.object, value.mask & mask, (value.value & mask) ^ turned);
  return isOpenValue(value) ? changed(value, mask, turned) : undefined;
}

/** Bits of a mask whose combinations are few enough to be listed. */
const MAX_MASK_BITS = 3;

/** A number that may be anything, cut to a few bits: every combination of them. */
function maskedValues(value: Value, mask: Value, rva: number): Value[] | undefined {
  if (mask.kind !== 'constant' || value.kind === 'constant' || value.kind === 'address') return undefined;
  if (value.kind !== 'bits')
    return withBits(mask.value, rva, (mask.value & 1) === 1 ? passedAt(value) : undefined);
  const left = value.mask & mask.value;
  return withBits(left, rva, lowestBit(left) === lowestBit(value.mask) ? value.place : undefined);
}

/** Every number that has only bits of the mask, where they are few; else the mask. */
function withBits(mask: number, rva: number, place: Place | undefined): Value[] {
  const places: number[] = [];
  for (let bit = 0; bit < 32; bit++) if (((mask >>> bit) & 1) === 1) places.push(1 << bit);
  if (places.length > MAX_MASK_BITS) return [bits(mask, place)];
  let sums = [0];
  for (const bit of places) sums = [...sums, ...sums.map(sum => sum | bit)];
  return sums.map(sum => constant(sum, 'computed', rva));
}

/** A number of which some bits are known to be clear, shifted: other bits are. */
function shiftedBits(alu: number, value: Value, amount: Value, rva: number): Value[] | undefined {
  if (amount.kind !== 'constant' || amount.value > 31) return undefined;
  // An index of an array that is moved up stays one: only what is moved far is cut to bits.
  const isCut = amount.value > (alu === Alu.shiftRight ? 0 : 16);
  const mask = value.kind === 'bits' ? value.mask : isPlainNumber(value) && isCut ? 0xffffffff : undefined;
  if (mask === undefined) return undefined;
  const result = computeNumber(alu, mask | 0, amount.value, 0);
  if (result === undefined) return undefined;
  return withBits(result, rva, alu === Alu.shiftLeft ? passedAt(value) : undefined);
}

/** Where the caller passed the number, whole or the lower part of it that is moved. */
function passedAt(value: Value): Place | undefined {
  return value.kind === 'parameter' || value.kind === 'bits' || value.kind === 'unknown'
    ? value.place
    : undefined;
}

function lowestBit(mask: number): number {
  return (mask & -mask) >>> 0;
}

function computeOne(alu: number, left: Value, right: Value, rva: number, carry: number): Value {
  if (right.kind === 'constant') {
    if (left.kind !== 'constant') return withConstant(alu, left, right.value, rva);
    const result = computeNumber(alu, left.value, right.value, carry);
    return result === undefined ? DERIVED : constant(result, 'computed', rva);
  }
  if (alu === Alu.add) {
    if (left.kind === 'constant') return withConstant(alu, right, left.value, rva);
    return (
      addIndex(left, right) ??
      addIndex(right, left) ??
      addToObject(left, right) ??
      addToObject(right, left) ??
      DERIVED
    );
  }
  if (left.kind === 'constant') {
    if (alu === Alu.and && left.value === 0) return left;
    if ((alu === Alu.or || alu === Alu.xor) && left.value === 0) return right;
    if (alu === Alu.or && left.value === 0xffffffff) return left;
    if (alu === Alu.multiply) return withConstant(alu, right, left.value, rva);
  }
  return alu === Alu.subtract && isRemainder(left, right) ? UNKNOWN : DERIVED;
}

/**
 * `x - x / 6 * 6`: compilers multiply and shift in place of a division, so what is left of it is a number less a multiple. Remainders
 * by a power of two are masks, and pointers move by such a stride as well.
 */
function isRemainder(number: Value, taken: Value): boolean {
  if (taken.kind !== 'multiple' || taken.plus !== 0) return false;
  const isPower = (taken.stride & (taken.stride - 1)) === 0;
  return !isPower && (isPlainNumber(number) || number.kind === 'bits');
}

/** An address moves by a constant; an unknown number times a constant is an index into an array. */
function withConstant(alu: number, left: Value, amount: number, rva: number): Value {
  if (alu === Alu.and && amount === 0) return constant(0, 'computed', rva);
  if (alu === Alu.or && amount === 0xffffffff) return constant(amount, 'computed', rva);
  if ((alu === Alu.or || alu === Alu.xor) && amount === 0) return left;
  // A wrapper that protects what it allocates.
  if (alu === Alu.or && amount === PROTECTED_POOL && isOpenValue(left))
    return movedBy(left, PROTECTED_POOL | 0) ?? inside(left, PROTECTED_POOL | 0, 0);
  if (alu === Alu.or || alu === Alu.xor) {
    const found = changedBits(left, alu === Alu.or ? ~amount : -1, amount);
    if (found !== undefined) return found;
  }
  if (alu === Alu.add || alu === Alu.subtract) {
    if (amount === 0) return left;
    const change = alu === Alu.add ? amount | 0 : -amount | 0;
    const moved = movedBy(left, change);
    if (moved !== undefined) return moved;
    const isPart = Math.abs(change) < MAX_OBJECT_BYTES;
    if ((isPart || isCharacterStep(change)) && isOpenValue(left)) return inside(left, change, 0);
    if (isPart && left.kind === 'bits') return movedBy(asMultiple(left), change) ?? DERIVED;
    return isPlainNumber(left) ? multiple(1, change) : DERIVED;
  }
  const factor = alu === Alu.multiply ? amount : alu === Alu.shiftLeft && amount < 16 ? 1 << amount : 0;
  if (factor === 1) return left;
  if (factor === 0 || factor > MAX_ELEMENT_BYTES) return DERIVED;
  if (left.kind === 'memory') return multiple(factor, Math.imul(left.plus, factor));
  if (left.kind === 'bits') return withConstant(Alu.multiply, asMultiple(left), factor, rva);
  // A number plus an index times something (`row * 5 + column`) is some number: no pointer is multiplied.
  if (left.kind === 'inside') return multiple(factor, Math.imul(left.plus, factor));
  if (left.kind === 'multiple') {
    const stride = left.stride * factor;
    return stride > MAX_ELEMENT_BYTES ? DERIVED : multiple(stride, Math.imul(left.plus, factor));
  }
  return isPlainNumber(left) ? multiple(factor, 0) : DERIVED;
}

/** Whether adding this changes one of the last characters of a tag and no other (`tag + 0x01000000`): no part of an object is so far in. */
function isCharacterStep(change: number): boolean {
  return (change & 0xffffff) === 0 || ((change & 0xffff) === 0 && Math.abs(change) < 0x800000);
}

/** A constant with an unknown number in one of its characters; undefined for everything else. */
function familyOf(alu: number, base: Value, number: Value, rva: number): Value | undefined {
  if (base.kind !== 'constant' || number.kind !== 'bits') return undefined;
  // `type - 1` is written as a sum as well, and is the index of an array.
  if (alu === Alu.add && (base.value | 0) < 0 && (base.value | 0) > -MAX_OBJECT_BYTES) return undefined;
  const isOneCharacter = [0xff, 0xff00, 0xff0000, 0xff000000].some(byte => (number.mask & ~byte) === 0);
  if (!isOneCharacter) return undefined;
  return family(base, number.mask, rva, number.place, alu === Alu.or ? true : undefined);
}

/** Whether the value may be an index that counts elements. */
function isPlainNumber(value: Value): boolean {
  return (
    value.kind === 'unknown' ||
    value.kind === 'blank' ||
    value.kind === 'field' ||
    value.kind === 'behind' ||
    value.kind === 'parameter' ||
    value.kind === 'previous' ||
    value.kind === 'result'
  );
}

/** Elements larger than this are no table of tags. */
export const MAX_ELEMENT_BYTES = 4096;

/** A part of an object is not further inside than this; a larger number is added to a tag. */
const MAX_OBJECT_BYTES = 0x10000;

/** A number of which only some bits may be set, as an index: a narrow number (`type & 0xff`), by itself or shifted. */
function asMultiple(value: Value): Value {
  if (value.kind !== 'bits') return value;
  const lowest = lowestBit(value.mask);
  return lowest <= MAX_ELEMENT_BYTES ? multiple(lowest, 0) : DERIVED;
}

/** A pointer to an object plus an index: some element of an array in it. */
function addToObject(pointer: Value, number: Value): Value | undefined {
  const index = asMultiple(number);
  if (index.kind !== 'multiple') return undefined;
  // Not the elements of an array, so that both are numbers: `row * 3 + column`.
  if (index.stride < 4) return isPlainNumber(pointer) ? multiple(1, index.plus) : undefined;
  if (pointer.kind === 'inside' && pointer.stride === 0)
    return inside(pointer.object, pointer.plus + index.plus, index.stride);
  return isOpenValue(pointer) ? inside(pointer, index.plus, index.stride) : undefined;
}

function addIndex(base: Value, number: Value): Value | undefined {
  const index = asMultiple(number);
  if (base.kind === 'multiple' && index.kind === 'multiple') {
    const stride = innerStride(base.stride, index.stride);
    return stride === undefined ? undefined : multiple(stride, base.plus + index.plus);
  }
  if (base.kind === 'element' && index.kind === 'multiple') {
    const stride = innerStride(base.stride, index.stride);
    return stride === undefined ? undefined : element((base.rva + firstDistance(index)) | 0, stride);
  }
  if (base.kind === 'address' && index.kind === 'inside' && index.stride === 0)
    return element((base.rva + index.plus) | 0, 1);
  if (base.kind === 'stack' && index.kind === 'multiple' && index.stride >= 4)
    return elementInFrame(base.offset + index.plus, index.stride);
  if (base.kind !== 'address' || index.kind !== 'multiple') return undefined;
  return element((base.rva + firstDistance(index)) | 0, index.stride);
}

/** How far the first element that is read is behind the array's address: an index less a constant begins at 0, not before. */
function firstDistance({ plus, stride }: Extract<Value, { kind: 'multiple' }>): number {
  return plus < 0 ? ((plus % stride) + stride) % stride : plus;
}

/** The elements of rows of a table: each row is so many of them long. Undefined where the rows have something else as well. */
function innerStride(one: number, other: number): number | undefined {
  const [inner, outer] = one < other ? [one, other] : [other, one];
  return outer % inner === 0 ? inner : undefined;
}

function computeNumber(alu: number, left: number, right: number, carry: number): number | undefined {
  switch (alu) {
    case Alu.add:
    case Alu.addWithCarry:
      return left + right + carry;
    case Alu.subtract:
    case Alu.subtractWithBorrow:
      return left - right - carry;
    case Alu.or:
      return left | right;
    case Alu.and:
      return left & right;
    case Alu.xor:
      return left ^ right;
    case Alu.shiftLeft:
      return right > 31 ? 0 : left << right;
    case Alu.shiftRight:
      return right > 31 ? 0 : left >>> right;
    case Alu.shiftRightSigned:
      return (left | 0) >> Math.min(right, 31);
    case Alu.multiply:
      return Math.imul(left, right);
  }
  return undefined;
}

/** What an operation gives when both its operands are the same register, whatever that holds. */
export function computeWithItself(alu: number, rva: number): Value[] | undefined {
  if (alu === Alu.xor || alu === Alu.subtract) return [constant(0, 'computed', rva)];
  if (alu === Alu.subtractWithBorrow)
    return [constant(0, 'computed', rva), constant(0xffffffff, 'computed', rva)];
  return undefined;
}
