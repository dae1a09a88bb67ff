/** Tags that are read in an object within an object: the inner one's own functions know only the distance in that. */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { pointerTo } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Callee } from './callee.ts';

/** Loads whose pointers are looked at in one function. */
const MAX_LOADS = 32;

/**
 * The distances by which the function at hand reads what lies `offset` bytes into an object, where it does so behind a
 * pointer to the middle of the object: `lea rax, [rcx+60h]; mov r8d, [rax+28h]` reads at 88h, and who fills it may
 * store at 28h.
 */
export function innerDistances(fn: AnalysedFunction, offset: number): Set<number> {
  const { op, base, index, size, displacement, count } = fn.body.operations;
  const found = new Set<number>();
  let looks = 0;
  for (let i = 0; i < count && looks < MAX_LOADS; i++) {
    const distance = displacement[i];
    const isPush = op[i] === Op.push;
    if (!isPush && (op[i] !== Op.load || size[i] !== 4)) continue;
    if (distance <= 0 || distance >= offset || base[i] >= VECTOR0 || index[i] !== NONE) continue;
    if ((isPush ? fn.body.pushedFrom[i] : fn.body.slot[i]) !== NO_SLOT) continue;
    looks++;
    for (const pointer of fn.resolver.resolve({ register: base[i] }, i).values)
      if (pointer.kind === 'inside' && pointer.plus + distance === offset) found.add(distance);
  }
  return found;
}

/**
 * The distance at which the functions of an object within another one fill it, where `callee` is given its address and reads `offset`
 * bytes into the outer one; undefined where that is the same.
 */
export function innerDistance(callee: Callee, offset: number | undefined): number | undefined {
  const inner = callee.inner ?? pointerTo(callee.place)?.offset;
  return inner === offset || offset === undefined ? undefined : inner;
}
