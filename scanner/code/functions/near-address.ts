/** The address of the image that a store writes to, where a register was given it shortly before. */

import { Alu, BASE_IMAGE, Flag, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import type { FunctionBody } from './function-body.ts';

/** Compilers form the address of a global a few instructions before they use it. */
const MAX_OPERATIONS = 64;

/** RVA that operation `i` (with a memory operand) refers to, or undefined where that is not plain from its own block. */
export function nearAddress(body: FunctionBody, i: number): number | undefined {
  const { op, dst, left, source, alu, flags, low, base, index, displacement } = body.operations;
  if (index[i] !== NONE) return undefined;
  if (base[i] === BASE_IMAGE) return displacement[i];
  if (base[i] >= VECTOR0) return undefined;
  let register = base[i];
  let distance = displacement[i];
  const first = Math.max(body.blocks.begin[body.blockOf[i]], i - MAX_OPERATIONS);
  for (let before = i - 1; before >= first; before--) {
    // Calls keep some registers: whoever fills many variables in a row keeps the address of one through all of them.
    if (changesMany(body, before, register)) return undefined;
    if (dst[before] !== register) continue;
    if (op[before] === Op.move && flags[before] === Flag.immediateIsAddress)
      return (low[before] + distance) | 0;
    if (op[before] === Op.address && base[before] === BASE_IMAGE && index[before] === NONE) {
      return (displacement[before] + distance) | 0;
    }
    const isAdded = op[before] === Op.binary && alu[before] === Alu.add && source[before] === NONE;
    if (!isAdded) return undefined;
    distance = (distance + low[before]) | 0;
    register = left[before];
  }
  return undefined;
}

/** Whether a call, or an operation that empties several registers, leaves nothing in this one. */
function changesMany(
  { operations: { op, low }, volatileRegisters }: FunctionBody,
  i: number,
  register: number,
): boolean {
  if (op[i] === Op.killMany) return ((low[i] >>> register) & 1) !== 0;
  const isCall = op[i] === Op.call || op[i] === Op.callIndirect;
  return isCall && ((volatileRegisters >>> register) & 1) !== 0;
}
