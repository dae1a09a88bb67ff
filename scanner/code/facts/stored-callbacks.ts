/**
 * Functions that an object keeps beside what they are to be given: `tree->allocate = take; tree->context = &arena`. Who
 * calls them is not known, but what they read of their context is what the code says that fills it.
 */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op, VECTOR0 } from '../processors/operations.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import { isSame } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';
import type { Callee } from './callee.ts';

/** Pointers between a function and its context: a callback's structure keeps a few more. */
const NEAR_POINTERS = 4;

/** Pointers to objects that are kept beside what the store `i` keeps, by the same register or by the same pointer in another one. */
export function keptBeside(fn: AnalysedFunction, i: number, pointerSize: number): Value[] {
  const { op, size, source, base, displacement, count } = fn.body.operations;
  const found: Value[] = [];
  for (let j = 0; j < count; j++) {
    const isNear =
      j !== i &&
      op[j] === Op.store &&
      size[j] === pointerSize &&
      source[j] !== NONE &&
      base[j] < VECTOR0 &&
      fn.body.slot[j] === NO_SLOT &&
      Math.abs(displacement[j] - displacement[i]) <= NEAR_POINTERS * pointerSize;
    if (isNear && (base[j] === base[i] || isOnePointer(fn.storePointers(i), fn.storePointers(j))))
      found.push(...fn.storedPointers(j, 0).filter(isObject));
  }
  return found;
}

/** What a function calls that nobody is seen to call: the call in it is where its tag is used. */
export function insideOf(callee: Callee): Callee {
  const [functionRva, ...wrappers] = callee.wrappers;
  const [rva, ...wrapperCalls] = callee.wrapperCalls;
  return {
    ...callee,
    guesses: (callee.guesses ?? 0) + 1,
    wrappers,
    wrapperCalls,
    site: { rva, functionRva, origin: 'parameter' },
  };
}

/** Without optimisation the pointer is loaded anew for each store. */
function isOnePointer(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === 1 && b.length === 1 && isObject(a[0]) && isSame(a[0], b[0]);
}

function isObject({ kind }: Value): boolean {
  return kind === 'inside' || kind === 'result' || kind === 'parameter' || kind === 'blank';
}
