/** The operands of an operation that are registers or immediates. */

import { Flag, NONE } from '../processors/operations.ts';
import { address, constant, UNKNOWN } from './make-value.ts';
import { type Value, ValueSet } from './values.ts';
import { registerPart, type Walk, type Wanted } from './walk.ts';

/** The operand `source`: a register, or the immediate. */
export function sourceValue(walk: Walk, i: number, wanted: Wanted, depth: number): ValueSet {
  const { source } = walk.body.operations;
  if (source[i] === NONE) return ValueSet.of(immediateValue(walk, i, wanted.lane));
  return walk.at(registerPart(source[i], wanted.lane, wanted.width), i, depth + 1);
}

/** A register operand; NONE is ARM64's zero register. */
export function operandValue(
  walk: Walk,
  register: number,
  wanted: Wanted,
  i: number,
  depth: number,
): ValueSet {
  if (register === NONE) return ValueSet.of(constant(0, 'computed', walk.body.operations.rva[i]));
  return walk.at(registerPart(register, wanted.lane, wanted.width), i, depth + 1);
}

/** The operation's immediate, `lane` bytes in. */
export function immediateValue(walk: Walk, i: number, lane: number): Value {
  const { flags, low, high, rva } = walk.body.operations;
  if (flags[i] === Flag.immediateIsAddress) return lane === 0 ? address(low[i]) : UNKNOWN;
  if (lane >= 8) return constant(0, 'immediate', rva[i]);
  const value = lane >= 4 ? high[i] : lane === 0 ? low[i] : low[i] >>> (8 * lane);
  return constant(value, 'immediate', rva[i]);
}

/** movk's constant: `high` holds its lane, so only `low` is the value. */
export function halfImmediate(walk: Walk, i: number): Value {
  const { low, rva } = walk.body.operations;
  return constant(low[i], 'immediate', rva[i]);
}
