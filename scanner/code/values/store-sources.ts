/** What a store writes, and what a load gives that reads it back. */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import { immediateValue } from './register-operands.ts';
import { ValueSet } from './values.ts';
import { register, registerPart, type Walk } from './walk.ts';

/** Operations between a store and the load that reads it back: compilers use a structure as soon as it is copied. */
const MAX_TO_STORE = 16;

/** What changes registers and memory that it does not name. */
const WRITES_ANYWHERE: ReadonlySet<number> = new Set([
  Op.call,
  Op.callIndirect,
  Op.killMany,
  Op.blockCopy,
  Op.blockFill,
]);

/** What a store writes, `lane` bytes in. */
export function storeSource(walk: Walk, i: number, lane: number, width: number, depth: number): ValueSet {
  const from = walk.body.operations.source[i];
  if (from === NONE) return ValueSet.of(immediateValue(walk, i, lane));
  return walk.at(registerPart(from, lane, width), i, depth + 1);
}

/**
 * The constants and parameters that operation `i` reads `offset` bytes behind its register, where the same block has put them there by
 * the same register: a structure is copied into an object 16 bytes at a time, and its fields are read from there. Undefined where
 * something between may have written there, or what was stored is not known.
 */
export function readBack(walk: Walk, i: number, offset: number, depth: number): ValueSet | undefined {
  const { body } = walk;
  const { op, base, index, displacement, size, dst } = body.operations;
  const begin = Math.max(body.blocks.begin[body.blockOf[i]], i - MAX_TO_STORE);
  let writesFrame = false;
  for (let n = i - 1; n >= begin; n--) {
    if (dst[n] === base[i] || WRITES_ANYWHERE.has(op[n])) return undefined;
    if (op[n] !== Op.store) continue;
    if (body.slot[n] !== NO_SLOT) {
      writesFrame = true;
      continue;
    }
    if (base[n] !== base[i] || index[n] !== NONE || size[n] === 0) return undefined;
    const lane = offset - displacement[n];
    if (lane <= -4 || lane >= size[n]) continue;
    if (lane < 0 || lane + 4 > size[n]) return undefined;
    const stored = storeSource(walk, n, lane, 4, depth);
    const isKnown = stored.values.every(({ kind }) => kind === 'constant' || kind === 'parameter');
    return isKnown && !(writesFrame && mayPointIntoFrame(walk, i, depth)) ? stored : undefined;
  }
  return undefined;
}

function mayPointIntoFrame(walk: Walk, i: number, depth: number): boolean {
  const pointers = walk.at(register(walk.body.operations.base[i]), i, depth + 1);
  return pointers.values.some(({ kind }) => kind === 'stack' || kind === 'stack-element');
}
