/** Where a function sets up its frame and where it takes it down. */
import { Alu, NONE, Op, type OperationList } from '../processors/operations.ts';
import { NO_SLOT } from './stack-slots.ts';

/** Operations within which a function saves registers. */
const MAX_PROLOGUE = 48;

/**
 * Whether a function puts this register away before it does anything else: what it holds is of its callers, and no argument. `slot` is
 * where each operation reaches into the frame.
 */
export function savesAtEntry(
  { op, dst, source, count }: OperationList,
  slot: Int32Array,
  register: number,
): boolean {
  const end = Math.min(count, MAX_PROLOGUE);
  for (let i = 0; i < end && dst[i] !== register && op[i] !== Op.call; i++) {
    const isPut = op[i] === Op.push || (op[i] === Op.store && slot[i] !== NO_SLOT);
    if (isPut && source[i] === register) return true;
  }
  return false;
}

/**
 * Whether the frame is taken down just before the operation `last` of a run that begins with `first`: what jumps there is a tail call,
 * and no switch.
 */
export function isBehindEpilogue(
  { op, dst, alu, low, source }: OperationList,
  first: number,
  last: number,
  stackRegister: number,
): boolean {
  let before = last - 1;
  while (before >= first && op[before] === Op.nothing) before--;
  if (before < first) return false;
  if (op[before] === Op.pop) return true;
  if (dst[before] !== stackRegister) return false;
  const isOpening = source[before] === NONE && (alu[before] === Alu.subtract || low[before] < 0);
  return op[before] !== Op.binary || !isOpening;
}
