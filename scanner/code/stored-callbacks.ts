/**
 * Functions that an object keeps beside what they are to be given: `tree->allocate = take; tree->context = &arena`. Who
 * calls them is not known, but what they read of their context is what the code says that fills it.
 */
import type { AnalysedFunction } from './analysed-function.ts';
import { NONE, Op } from './operations.ts';
import { NO_SLOT } from './stack-slots.ts';
import type { Value } from './values.ts';

/** Pointers between a function and its context: a callback's structure keeps a few more. */
const NEAR_POINTERS = 4;

/** Pointers to objects that are kept beside what the store `i` keeps, by the same register. */
export function keptBeside(fn: AnalysedFunction, i: number, pointerSize: number): Value[] {
  const { op, size, source, base, displacement, count } = fn.body.operations;
  const found: Value[] = [];
  for (let j = 0; j < count; j++) {
    const isBeside =
      j !== i &&
      op[j] === Op.store &&
      base[j] === base[i] &&
      size[j] === pointerSize &&
      source[j] !== NONE &&
      fn.body.slot[j] === NO_SLOT &&
      Math.abs(displacement[j] - displacement[i]) <= NEAR_POINTERS * pointerSize;
    if (isBeside) found.push(...fn.storedPointers(j, 0).filter(isObject));
  }
  return found;
}

function isObject({ kind }: Value): boolean {
  return kind === 'inside' || kind === 'result' || kind === 'parameter' || kind === 'blank';
}
