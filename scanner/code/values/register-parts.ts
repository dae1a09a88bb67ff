/** Operations on a part of a register: narrow writes, extensions, lanes of vectors, halves of constants. */

import { Alu, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import { bits, constant, partOfParameter, UNKNOWN } from './make-value.ts';
import { halfImmediate } from './register-operands.ts';
import { ValueSet } from './values.ts';
import { register, registerPart, type Walk, type Wanted } from './walk.ts';

/** What an operation writes, whatever part of its register that is. A function of a module: no closure is made for each question. */
type Written = (walk: Walk, wanted: Wanted, i: number, depth: number) => ValueSet;

/** A write of 1 or 2 bytes changes only those of a register; one of 4 clears the upper half. */
export function narrow(walk: Walk, wanted: Wanted, i: number, depth: number, written: Written): ValueSet {
  const { op, size: sizes } = walk.body.operations;
  const size = op[i] === Op.flag ? sizes[i] || 1 : sizes[i];
  const { at, lane, width } = wanted;
  const isWhole = at >= VECTOR0 ? lane + width <= size : lane >= 4 ? size === 8 : size >= width;
  if (isWhole) return written(walk, wanted, i, depth);
  if (at >= VECTOR0 || lane >= 4) return ValueSet.of(constant(0, 'computed', walk.body.operations.rva[i]));
  return partWritten(walk, i, size, walk.at(wanted, i, depth + 1), written(walk, wanted, i, depth));
}

function partWritten(walk: Walk, i: number, size: number, rest: ValueSet, written: ValueSet): ValueSet {
  const rva = walk.body.operations.rva[i];
  const mask = size === 1 ? 0xff : 0xffff;
  return rest.combine(written, (old, part) =>
    old.kind === 'constant' && part.kind === 'constant'
      ? constant((old.value & ~mask) | (part.value & mask), 'computed', rva)
      : UNKNOWN,
  );
}

/** A part of a register, extended with zeroes or its sign. */
export function extendedValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  const { op, size, source, rva } = walk.body.operations;
  const isSigned = op[i] === Op.signExtend;
  if (wanted.lane !== 0) return ValueSet.of(isSigned ? UNKNOWN : constant(0, 'computed', rva[i]));
  const width = Math.min(size[i], wanted.width);
  const value = walk.at(registerPart(source[i], 0, width), i, depth + 1);
  if (size[i] >= 4) return value;
  const shift = 32 - 8 * size[i];
  const passed = isSigned ? undefined : passedWhole(walk, i, value, depth);
  if (passed !== undefined) return ValueSet.of(partOfParameter(passed));
  return value.map(part => {
    if (part.kind !== 'constant') return UNKNOWN;
    const upper = part.value << shift;
    return constant(isSigned ? upper >> shift : upper >>> shift, 'computed', rva[i]);
  });
}

/** Where the register was passed of which only a part is taken, so that nothing is known of it: `movzx eax, cl`. */
function passedWhole(walk: Walk, i: number, part: ValueSet, depth: number): Place | undefined {
  if (part.values.length !== 1 || part.values[0].kind !== 'unknown') return undefined;
  const { values } = walk.at(register(walk.body.operations.source[i]), i, depth + 1);
  const [value] = values;
  return values.length === 1 && value.kind === 'parameter' ? value.place : undefined;
}

/** A vector lane or a half of an ARM64 constant is replaced; the rest stays. */
export function insertedValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  const { high, size, source, rva } = walk.body.operations;
  const lane = high[i];
  const end = wanted.lane + wanted.width;
  if (wanted.lane >= lane && end <= lane + size[i]) {
    if (source[i] === NONE) return ValueSet.of(halfImmediate(walk, i));
    return walk.at(registerPart(source[i], wanted.lane - lane, wanted.width), i, depth + 1);
  }
  if (wanted.lane >= lane + size[i] || end <= lane) return walk.at(wanted, i, depth + 1);
  if (lane < wanted.lane || lane + size[i] > end) return ValueSet.of(UNKNOWN);
  const shift = 8 * (lane - wanted.lane);
  const mask = (size[i] === 1 ? 0xff : 0xffff) << shift;
  const part =
    source[i] === NONE
      ? ValueSet.of(halfImmediate(walk, i))
      : walk.at(registerPart(source[i], 0, size[i]), i, depth + 1);
  return walk
    .at(wanted, i, depth + 1)
    .combine(part, (old, inserted) =>
      old.kind === 'constant' && inserted.kind === 'constant'
        ? constant((old.value & ~mask) | ((inserted.value << shift) & mask), 'immediate', rva[i])
        : UNKNOWN,
    );
}

/** One of the lanes of another vector register. */
export function shuffledValue(walk: Walk, i: number, { lane, width }: Wanted, depth: number): ValueSet {
  const { low, source } = walk.body.operations;
  if (width !== 4 || lane % 4 !== 0) return ValueSet.of(UNKNOWN);
  const taken = (low[i] >>> (lane / 2)) & 3;
  return walk.at(registerPart(source[i], 4 * taken, 4), i, depth + 1);
}

/** `shl rax, 20h` and `shr rax, 20h` move one half of a register to the other. */
export function shiftedByHalf(walk: Walk, i: number, lane: number, depth: number): ValueSet | undefined {
  const { alu, left, rva } = walk.body.operations;
  const zero = constant(0, 'computed', rva[i]);
  const half = (from: number) => walk.at(registerPart(left[i], from, 4), i, depth + 1);
  if (alu[i] === Alu.shiftLeft) return lane === 0 ? ValueSet.of(zero) : half(0);
  if (alu[i] === Alu.shiftRight) return lane === 4 ? ValueSet.of(zero) : half(4);
  return undefined;
}

/**
 * `shr rax, 21h`: what is left is of the upper half, and some number whatever that was. It is how compilers divide by a constant, after a
 * multiplication.
 */
export function shiftedFurther(walk: Walk, i: number, lane: number, depth: number): ValueSet {
  const { left, low, rva } = walk.body.operations;
  if (lane !== 0) return ValueSet.of(constant(0, 'computed', rva[i]));
  const amount = low[i] - 32;
  return walk
    .at(registerPart(left[i], 4, 4), i, depth + 1)
    .map(half =>
      half.kind === 'constant'
        ? constant(half.value >>> amount, 'computed', rva[i])
        : bits(0xffffffff >>> amount),
    );
}
