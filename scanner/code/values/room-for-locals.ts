/** On x86 compilers make room for a local variable or two by `push ecx`, which is shorter than `sub esp, 4`. */
import type { FunctionBody } from '../functions/function-body.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op, X86 } from '../processors/operations.ts';
import type { Processor } from '../processors/processor.ts';

/** What these hold is no local's address but where the frame is. */
const FRAME_REGISTERS: ReadonlySet<number> = new Set([X86.sp, X86.bp]);

/**
 * Whether the push `i` only makes room: the register holds what it held at the entry and belongs to nobody, and the address of the place is
 * taken later. A function that saves what it is given in that register and passes the place's address on is not told apart.
 */
export function makesRoom(
  { operations, slot, blocks }: FunctionBody,
  processor: Processor,
  i: number,
): boolean {
  const { op, dst, source, count } = operations;
  const register = source[i];
  if (processor.arch !== 'x86' || register === NONE || slot[i] === NO_SLOT) return false;
  if (!processor.isVolatile(register) || i >= blocks.end[0]) return false;
  for (let j = blocks.begin[0]; j < i; j++)
    if (dst[j] === register || op[j] === Op.call || op[j] === Op.callIndirect) return false;
  for (let j = i + 1; j < count; j++) {
    const isAddress = op[j] === Op.address || op[j] === Op.move || op[j] === Op.binary;
    if (isAddress && slot[j] === slot[i] && !FRAME_REGISTERS.has(dst[j])) return true;
  }
  return false;
}
