/** A number that is put together in the frame character by character (`name.c[0] = 'T'`), as compilers leave it without optimisation. */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import { constant, UNKNOWN } from './make-value.ts';
import { onlyNumber } from './memory-calls.ts';
import type { Value } from './values.ts';
import { register, type Walk } from './walk.ts';

const ALL = 0b1111;
/** Operations between the last character and the first one. */
const MAX_APART = 32;

/** The four bytes at `slot` of the frame where the store `last` is the last of their characters; all stand in its block. */
export function storedCharacters(walk: Walk, slot: number, last: number, depth: number): Value {
  const { body } = walk;
  const { op, size, source, low, rva } = body.operations;
  const begin = Math.max(body.blocks.begin[body.blockOf[last]], last - MAX_APART);
  let value = 0;
  let known = 0;
  for (let i = last; i >= begin; i--) {
    const isStore = op[i] === Op.store || op[i] === Op.push;
    if (!isStore) {
      // A call may be given the characters' address.
      if (op[i] === Op.call || op[i] === Op.callIndirect || op[i] === Op.blockCopy || op[i] === Op.blockFill)
        break;
      continue;
    }
    if (body.slot[i] === NO_SLOT) continue;
    const lane = body.slot[i] - slot;
    if (lane + Math.max(size[i], 1) <= 0 || lane >= 4) continue;
    if (op[i] !== Op.store || size[i] !== 1) break;
    if ((known & (1 << lane)) !== 0) continue;
    const byte = source[i] === NONE ? low[i] : onlyNumber(walk.at(register(source[i]), i, depth + 1));
    if (byte === undefined) break;
    value |= (byte & 0xff) << (lane * 8);
    known |= 1 << lane;
    if (known === ALL) return constant(value, 'computed', rva[last]);
  }
  return UNKNOWN;
}
