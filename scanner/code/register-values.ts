/** What an operation leaves in a register. */
import { compute, computeWithItself } from './arithmetic.ts';
import { assuming, enumerated } from './bounds.ts';
import { Alu, BASE_IMAGE, Flag, indexFactor, NONE, Op, VECTOR0 } from './operations.ts';
import { NO_SLOT } from './stack-slots.ts';
import { looksLikeTag, MAX_TABLE_ENTRIES, readTable } from './static-memory.ts';
import { behindPointer, constant, DERIVED, isOpenValue, UNKNOWN, type Value, ValueSet } from './values.ts';
import type { Walk } from './walk.ts';

/** Entries of an array in the frame that are looked at. */
const MAX_LOCAL_ENTRIES = 16;

interface WantedRegister {
  register: number;
  lane: number;
  width: number;
}

/** What operation `i` gives the wanted part of a register, or undefined where it leaves it alone. */
export function definedValue(
  walk: Walk,
  wanted: WantedRegister,
  i: number,
  depth: number,
): ValueSet | undefined {
  const { op, low, dst, left, source, size, rva } = walk.body.operations;
  const { register, lane } = wanted;
  switch (op[i]) {
    case Op.call:
    case Op.callIndirect: {
      const isLost = register >= VECTOR0 || walk.processor.isVolatile(register);
      if (!isLost || isGuardCheck(walk, i, depth)) return undefined;
      const isResult = register === walk.processor.resultRegister && lane === 0;
      return ValueSet.of(isResult ? { kind: 'result', operation: i } : UNKNOWN);
    }
    case Op.killMany:
      return register < 32 && (low[i] & (1 << register)) !== 0 ? ValueSet.of(UNKNOWN) : undefined;
  }
  if (dst[i] !== register) return undefined;
  switch (op[i]) {
    case Op.move:
      if (walk.body.slot[i] !== NO_SLOT && lane === 0) {
        return ValueSet.of({ kind: 'stack', offset: walk.body.slot[i] });
      }
      return narrow(walk, wanted, i, depth, size[i], () => sourceValue(walk, i, wanted, depth));
    case Op.load:
      return narrow(walk, wanted, i, depth, size[i], () => loadedValue(walk, i, lane, wanted.width, depth));
    case Op.pop:
      if (walk.body.slot[i] === NO_SLOT) return ValueSet.of(UNKNOWN);
      return walk.at({ slot: walk.body.slot[i] + lane, width: wanted.width }, i, depth + 1);
    case Op.address:
      return lane === 0 ? addressValue(walk, i, depth) : ValueSet.of(UNKNOWN);
    case Op.binary:
      return narrow(walk, wanted, i, depth, size[i], () => binaryValue(walk, i, wanted, depth));
    case Op.select: {
      const both = new ValueSet();
      both.addAll(assuming(walk, i, false, depth, () => operandValue(walk, left[i], wanted, i, depth)));
      both.addAll(assuming(walk, i, true, depth, () => operandValue(walk, source[i], wanted, i, depth)));
      return both;
    }
    case Op.flag:
      return narrow(walk, wanted, i, depth, size[i] || 1, () =>
        ValueSet.of(constant(0, 'computed', rva[i]), constant(1, 'computed', rva[i])),
      );
    case Op.zeroExtend:
    case Op.signExtend:
      return extendedValue(walk, i, wanted, depth);
    case Op.insert:
      return insertedValue(walk, i, wanted, depth);
    case Op.byteSwap:
      if (lane !== 0 || size[i] !== 4) return ValueSet.of(UNKNOWN);
      return operandValue(walk, source[i], wanted, i, depth).map(value =>
        value.kind === 'constant' ? constant(byteSwapped(value.value), 'computed', rva[i]) : DERIVED,
      );
    case Op.negate:
    case Op.invert: {
      if (lane !== 0) return ValueSet.of(UNKNOWN);
      const all = constant(op[i] === Op.negate ? 0 : 0xffffffff, 'computed', rva[i]);
      const alu = op[i] === Op.negate ? Alu.subtract : Alu.xor;
      return operandValue(walk, source[i], wanted, i, depth).map(
        value => compute(alu, all, value, rva[i])[0],
      );
    }
  }
  return ValueSet.of(UNKNOWN);
}

function byteSwapped(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** Whether the call goes to Control Flow Guard's check, which keeps every register that it is given. */
function isGuardCheck(walk: Walk, i: number, depth: number): boolean {
  const { op, source, base, index, displacement, rva } = walk.body.operations;
  const { check, xfgCheck } = walk.image.guardSlots;
  if (op[i] !== Op.callIndirect || (check === null && xfgCheck === null)) return false;
  if (source[i] === NONE)
    return (
      base[i] === BASE_IMAGE &&
      index[i] === NONE &&
      (displacement[i] === check || displacement[i] === xfgCheck)
    );
  const known = walk.guardChecks.get(rva[i]);
  if (known !== undefined) return known;
  walk.guardChecks.set(rva[i], false); // in a loop the call is met again while its own target is looked for
  const { values } = walk.at({ register: source[i], lane: 0, width: 4 }, i, depth + 1);
  const isCheck = values.some(
    value => value.kind === 'memory' && (value.rva === check || value.rva === xfgCheck),
  );
  walk.guardChecks.set(rva[i], isCheck);
  return isCheck;
}

/** A write of 1 or 2 bytes changes only those of a register; one of 4 clears the upper half. */
function narrow(
  walk: Walk,
  wanted: WantedRegister,
  i: number,
  depth: number,
  size: number,
  written: () => ValueSet,
): ValueSet {
  const rva = walk.body.operations.rva[i];
  const zero = () => ValueSet.of(constant(0, 'computed', rva));
  if (wanted.register >= VECTOR0) return wanted.lane + wanted.width <= size ? written() : zero();
  if (wanted.lane >= 4) return size === 8 ? written() : zero();
  if (size >= wanted.width) return written();
  const mask = size === 1 ? 0xff : 0xffff;
  const rest = walk.at(wanted, i, depth + 1);
  return rest.combine(written(), (old, part) =>
    old.kind === 'constant' && part.kind === 'constant'
      ? constant((old.value & ~mask) | (part.value & mask), 'computed', rva)
      : UNKNOWN,
  );
}

function sourceValue(walk: Walk, i: number, wanted: WantedRegister, depth: number): ValueSet {
  const { source } = walk.body.operations;
  if (source[i] === NONE) return ValueSet.of(immediateValue(walk, i, wanted.lane));
  return walk.at({ register: source[i], lane: wanted.lane, width: wanted.width }, i, depth + 1);
}

/** A register operand; NONE is ARM64's zero register. */
function operandValue(
  walk: Walk,
  register: number,
  wanted: WantedRegister,
  i: number,
  depth: number,
): ValueSet {
  if (register === NONE) return ValueSet.of(constant(0, 'computed', walk.body.operations.rva[i]));
  return walk.at({ register, lane: wanted.lane, width: wanted.width }, i, depth + 1);
}

/** The operation's immediate, `lane` bytes in. */
export function immediateValue(walk: Walk, i: number, lane: number): Value {
  const { flags, low, high, rva } = walk.body.operations;
  if (flags[i] === Flag.immediateIsAddress) return lane === 0 ? { kind: 'address', rva: low[i] } : UNKNOWN;
  if (lane >= 8) return constant(0, 'immediate', rva[i]);
  const value = lane >= 4 ? high[i] : lane === 0 ? low[i] : low[i] >>> (8 * lane);
  return constant(value, 'immediate', rva[i]);
}

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
  const { index, base, displacement } = walk.body.operations;
  if (slot !== NO_SLOT) return walk.at({ slot: slot + lane, width }, i, depth + 1);
  if (width !== 4) return ValueSet.of(UNKNOWN);
  if (base[i] === BASE_IMAGE) {
    const pointer: Value = { kind: 'address', rva: displacement[i] };
    return indexed(walk, pointer, i, depth).flatMap(place => memoryAt(walk, place, lane, i, depth));
  }
  if (base[i] >= VECTOR0) return ValueSet.of(UNKNOWN);
  const pointers = walk.at({ register: base[i], lane: 0, width: 4 }, i, depth + 1);
  return pointers.flatMap(pointer => {
    if (index[i] === NONE) return memoryAt(walk, pointer, displacement[i] + lane, i, depth, pointers);
    const places = indexed(walk, pointer, i, depth);
    return places.flatMap(place => memoryAt(walk, place, displacement[i] + lane, i, depth));
  });
}

/** The pointer plus the operation's index: an exact address, or some element of an array. */
function indexed(walk: Walk, pointer: Value, i: number, depth: number): ValueSet {
  const { index, scale, rva } = walk.body.operations;
  if (index[i] === NONE) return ValueSet.of(pointer);
  if (
    pointer.kind !== 'address' &&
    pointer.kind !== 'multiple' &&
    pointer.kind !== 'stack' &&
    !isOpenValue(pointer)
  )
    return ValueSet.of(UNKNOWN);
  const factor = constant(indexFactor(scale[i]), 'computed', rva[i]);
  return walk.at({ register: index[i], lane: 0, width: 4 }, i, depth + 1).map(value => {
    const distance = compute(Alu.multiply, value, factor, rva[i])[0];
    return compute(Alu.add, pointer, distance, rva[i])[0];
  });
}

/**
 * What memory holds `offset` bytes behind a pointer. `siblings` are the other values of the pointer: an address
 * together with "the previous value plus a step" is a pointer that walks an array.
 */
function memoryAt(
  walk: Walk,
  pointer: Value,
  offset: number,
  before: number,
  depth: number,
  siblings?: ValueSet,
): ValueSet {
  switch (pointer.kind) {
    case 'address': {
      const rva = (pointer.rva + offset) | 0;
      const step = siblings?.values.find(value => value.kind === 'previous' && value.step > 0);
      if (step !== undefined && step.kind === 'previous') return tableValues(walk, rva, step.step);
      return walk.at({ global: rva, width: 4 }, before, depth + 1);
    }
    case 'element':
      return tableValues(walk, (pointer.rva + offset) | 0, pointer.stride);
    case 'stack':
      return walk.at({ slot: pointer.offset + offset, width: 4 }, before, depth + 1);
    case 'stack-element':
      return localTable(walk, pointer.offset + offset, pointer.stride, before, depth);
  }
  return ValueSet.of(behindPointer(pointer, offset));
}

/** The tags in a field of any element of an array of structures. */
export function arrayField(
  walk: Walk,
  element: Extract<Value, { kind: 'element' | 'stack-element' }>,
  offset: number,
  before: number,
): ValueSet {
  if (element.kind === 'element') return tableValues(walk, (element.rva + offset) | 0, element.stride);
  return localTable(walk, element.offset + offset, element.stride, before, 0);
}

/** The tags in an array of the function's own frame, read by an index: as many as stand there in a row. */
function localTable(walk: Walk, slot: number, stride: number, before: number, depth: number): ValueSet {
  const tags = new ValueSet();
  for (let n = 0; n < MAX_LOCAL_ENTRIES; n++) {
    const { values } = walk.at({ slot: slot + n * stride, width: 4 }, before, depth + 1);
    const found = values.filter(value => value.kind === 'constant' && looksLikeTag(value.value));
    if (found.length === 0) break;
    for (const tag of found) tags.add(tag);
  }
  return tags.values.length === 0 ? ValueSet.of(UNKNOWN) : tags;
}

function tableValues(walk: Walk, rva: number, stride: number): ValueSet {
  const end = walk.index.nextReference(rva + stride, rva + stride * MAX_TABLE_ENTRIES);
  const values = readTable(walk.image, rva, stride, end);
  return values.length === 0 ? ValueSet.of(UNKNOWN) : ValueSet.of(...values);
}

function addressValue(walk: Walk, i: number, depth: number): ValueSet {
  const { base, index, scale, displacement, rva } = walk.body.operations;
  if (walk.body.slot[i] !== NO_SLOT) return ValueSet.of({ kind: 'stack', offset: walk.body.slot[i] });
  const factor = indexFactor(scale[i]);
  if (base[i] === BASE_IMAGE) {
    return indexed(walk, { kind: 'address', rva: displacement[i] }, i, depth);
  }
  if (base[i] >= VECTOR0 && base[i] !== NONE) return ValueSet.of(UNKNOWN);
  let sum = ValueSet.of(constant(displacement[i], 'computed', rva[i]));
  const parts: [register: number, factor: number][] = [];
  // The same register twice is one value times three, not two values that vary apart.
  if (base[i] !== NONE) parts.push([base[i], base[i] === index[i] ? 1 + factor : 1]);
  if (index[i] !== NONE && index[i] !== base[i]) parts.push([index[i], factor]);
  for (const [register, times] of parts) {
    const scaled = walk
      .at({ register, lane: 0, width: 4 }, i, depth + 1)
      .map(value =>
        times === 1 ? value : compute(Alu.multiply, value, constant(times, 'computed', rva[i]), rva[i])[0],
      );
    sum = sum.combine(scaled, (left, right) => compute(Alu.add, right, left, rva[i])[0]);
  }
  return sum;
}

function binaryValue(walk: Walk, i: number, wanted: WantedRegister, depth: number): ValueSet {
  const { alu, rva, left, source, size, low } = walk.body.operations;
  if (walk.body.slot[i] !== NO_SLOT) return ValueSet.of({ kind: 'stack', offset: walk.body.slot[i] });
  const operand = { register: left[i], lane: wanted.lane, width: wanted.width };
  if (wanted.width === 4 && size[i] === 8 && source[i] === NONE && low[i] === 32) {
    const moved = shiftedByHalf(walk, i, wanted.lane, depth);
    if (moved !== undefined) return moved;
  }
  const isLanewise = alu[i] === Alu.and || alu[i] === Alu.or || alu[i] === Alu.xor;
  if (wanted.lane !== 0 && !isLanewise) return ValueSet.of(UNKNOWN);
  if (left[i] === source[i]) {
    const itself = computeWithItself(alu[i], rva[i]);
    if (itself !== undefined) return ValueSet.of(...itself);
    return walk.at(operand, i, depth + 1).map(value => compute(alu[i], value, value, rva[i])[0]);
  }
  const counted = walk.at(operand, i, depth + 1);
  const lefts = placesCharacter(alu[i], source[i], low[i]) ? enumerated(walk, counted, i, depth) : counted;
  const rights = sourceValue(walk, i, wanted, depth);
  // Two sets of numbers may be two views of one choice: what they add up to is not every sum of them.
  if (lefts.numbers() > 1 && rights.numbers() > 1 && !isSelecting(alu[i])) return ValueSet.of(DERIVED);
  const results = new ValueSet();
  for (const a of lefts.values) {
    for (const b of rights.values) for (const value of compute(alu[i], a, b, rva[i])) results.add(value);
  }
  return results;
}

/** Masks choose between constants (`sbb`, `and`), and `or` joins characters, without an order. */
function isSelecting(alu: number): boolean {
  return alu === Alu.and || alu === Alu.or || alu === Alu.xor;
}

/** Whether the operation moves a small number to where a character of a tag is. */
function placesCharacter(alu: number, source: number, amount: number): boolean {
  if (source !== NONE) return false;
  return (
    (alu === Alu.shiftLeft && amount >= 8) ||
    (alu === Alu.multiply && amount >= 0x100 && amount % 0x100 === 0)
  );
}

/** `shl rax, 20h` and `shr rax, 20h` move one half of a register to the other. */
function shiftedByHalf(walk: Walk, i: number, lane: number, depth: number): ValueSet | undefined {
  const { alu, left, rva } = walk.body.operations;
  const zero = constant(0, 'computed', rva[i]);
  const half = (from: number) => walk.at({ register: left[i], lane: from, width: 4 }, i, depth + 1);
  if (alu[i] === Alu.shiftLeft) return lane === 0 ? ValueSet.of(zero) : half(0);
  if (alu[i] === Alu.shiftRight) return lane === 4 ? ValueSet.of(zero) : half(4);
  return undefined;
}

function extendedValue(walk: Walk, i: number, wanted: WantedRegister, depth: number): ValueSet {
  const { op, size, source, rva } = walk.body.operations;
  const isSigned = op[i] === Op.signExtend;
  if (wanted.lane !== 0) return ValueSet.of(isSigned ? UNKNOWN : constant(0, 'computed', rva[i]));
  const width = Math.min(size[i], wanted.width);
  const value = walk.at({ register: source[i], lane: 0, width }, i, depth + 1);
  if (size[i] >= 4) return value;
  const shift = 32 - 8 * size[i];
  return value.map(part => {
    if (part.kind !== 'constant') return UNKNOWN;
    const upper = part.value << shift;
    return constant(isSigned ? upper >> shift : upper >>> shift, 'computed', rva[i]);
  });
}

/** A vector lane or a half of an ARM64 constant is replaced; the rest stays. */
function insertedValue(walk: Walk, i: number, wanted: WantedRegister, depth: number): ValueSet {
  const { high, size, source, rva } = walk.body.operations;
  const lane = high[i];
  const end = wanted.lane + wanted.width;
  if (wanted.lane >= lane && end <= lane + size[i]) {
    if (source[i] === NONE) return ValueSet.of(halfImmediate(walk, i));
    return walk.at({ register: source[i], lane: wanted.lane - lane, width: wanted.width }, i, depth + 1);
  }
  if (wanted.lane >= lane + size[i] || end <= lane) return walk.at(wanted, i, depth + 1);
  if (lane < wanted.lane || lane + size[i] > end) return ValueSet.of(UNKNOWN);
  const shift = 8 * (lane - wanted.lane);
  const mask = (size[i] === 1 ? 0xff : 0xffff) << shift;
  const part =
    source[i] === NONE
      ? ValueSet.of(halfImmediate(walk, i))
      : walk.at({ register: source[i], lane: 0, width: size[i] }, i, depth + 1);
  return walk
    .at(wanted, i, depth + 1)
    .combine(part, (old, inserted) =>
      old.kind === 'constant' && inserted.kind === 'constant'
        ? constant((old.value & ~mask) | ((inserted.value << shift) & mask), 'immediate', rva[i])
        : UNKNOWN,
    );
}

/** movk's constant: `high` holds its lane, so only `low` is the value. */
function halfImmediate(walk: Walk, i: number): Value {
  const { low, rva } = walk.body.operations;
  return constant(low[i], 'immediate', rva[i]);
}
