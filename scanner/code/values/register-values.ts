/** What an operation leaves in a register: one case for each kind of operation. */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { Op } from '../processors/operations.ts';
import { isLostInCall } from '../processors/processor.ts';
import { assuming } from './bounds.ts';
import { callsGuardCheck } from './control-flow-guard.ts';
import { constant, inFrame, resultOf, UNKNOWN } from './make-value.ts';
import { addressValue, loadedValue } from './memory-operands.ts';
import { binaryValue, byteSwapValue, unaryValue } from './register-arithmetic.ts';
import { operandValue, sourceValue } from './register-operands.ts';
import { extendedValue, insertedValue, narrow, shuffledValue } from './register-parts.ts';
import { ValueSet } from './values.ts';
import { framePart, type Walk, type Wanted } from './walk.ts';

/** What operation `i` gives the wanted part of a register, or undefined where it leaves it alone. */
export function definedValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet | undefined {
  const { op, low, dst } = walk.body.operations;
  const { at: register, lane } = wanted;
  switch (op[i]) {
    case Op.call:
    case Op.callIndirect: {
      if (!isLostInCall(walk.processor, register, lane) || callsGuardCheck(walk, i, depth)) return undefined;
      if (register === walk.processor.resultRegister) return ValueSet.of(lane === 0 ? resultOf(i) : UNKNOWN);
      const isKept = op[i] === Op.call && walk.keptRegisters.isKept(low[i], register);
      return isKept ? undefined : ValueSet.of(UNKNOWN);
    }
    case Op.killMany:
      return register < 32 && (low[i] & (1 << register)) !== 0 ? ValueSet.of(UNKNOWN) : undefined;
  }
  if (dst[i] !== register) return undefined;
  switch (op[i]) {
    case Op.move:
      if (walk.body.slot[i] !== NO_SLOT && lane === 0) {
        return ValueSet.of(inFrame(walk.body.slot[i]));
      }
      return narrow(walk, wanted, i, depth, writtenValue);
    case Op.load:
    case Op.binary:
    case Op.flag:
      return narrow(walk, wanted, i, depth, writtenValue);
    case Op.pop:
      if (walk.body.slot[i] === NO_SLOT) return ValueSet.of(UNKNOWN);
      return walk.at(framePart(walk.body.slot[i] + lane, wanted.width), i, depth + 1);
    case Op.address:
      return lane === 0 ? addressValue(walk, i, depth) : ValueSet.of(UNKNOWN);
    case Op.select:
      return selectedValue(walk, wanted, i, depth);
    case Op.zeroExtend:
    case Op.signExtend:
      return extendedValue(walk, i, wanted, depth);
    case Op.insert:
      return insertedValue(walk, i, wanted, depth);
    case Op.shuffle:
      return shuffledValue(walk, i, wanted, depth);
    case Op.byteSwap:
      return byteSwapValue(walk, i, wanted, depth);
    case Op.negate:
    case Op.invert:
      return unaryValue(walk, i, wanted, depth);
  }
  return ValueSet.of(UNKNOWN);
}

/** What the operations write that may write a part of a register only. */
function writtenValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet {
  const { op, rva } = walk.body.operations;
  switch (op[i]) {
    case Op.move:
      return sourceValue(walk, i, wanted, depth);
    case Op.load:
      return loadedValue(walk, i, wanted.lane, wanted.width, depth);
    case Op.binary:
      return binaryValue(walk, i, wanted, depth);
  }
  return ValueSet.ofAll([constant(0, 'computed', rva[i]), constant(1, 'computed', rva[i])]);
}

function selectedValue(walk: Walk, wanted: Wanted, i: number, depth: number): ValueSet {
  const { left, source } = walk.body.operations;
  const both = new ValueSet();
  both.addAll(assuming(walk, i, false, depth, () => operandValue(walk, left[i], wanted, i, depth)));
  both.addAll(assuming(walk, i, true, depth, () => operandValue(walk, source[i], wanted, i, depth)));
  return both;
}
