/**
 * Functions that are called by a pointer which their caller was given, with what was given beside it (`forEach(list, callback,
 * context)`): who is seen to give another function gives nothing to these.
 */

import { placeKey } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';
import type { Callee, HandedFunction } from './callee.ts';

/** The call of `target` by `pointer` in the function at hand; undefined where that was not given the pointer. */
export function handedFunction(pointer: Value, target: number): HandedFunction | undefined {
  if (pointer.kind !== 'parameter') return undefined;
  return { place: pointer.place, known: { functions: new Set([target]), isOpen: false } };
}

/** The callee as call `i` of the function at hand has it: with the functions that are given to it, or handed on. */
export function handedAt(fn: AnalysedFunction, i: number, callee: Callee): Callee {
  const { handed, given } = callee;
  if (handed === undefined || given !== undefined) return callee;
  const values = fn.passedAt(handed.place, i);
  if (values.length === 1 && values[0].kind === 'parameter')
    return { ...callee, handed: { ...handed, place: values[0].place } };
  const functions = values.flatMap(value => (value.kind === 'address' ? [value.rva] : []));
  const isKnown = values.every(
    value => value.kind === 'address' || (value.kind === 'constant' && value.value === 0),
  );
  return isKnown && functions.length > 0 ? { ...callee, given: functions } : { ...callee, handed: undefined };
}

/** The callee when it is called by a pointer itself: one such call is told of, the innermost of which it is not known that it is right. */
export function handedOver(callee: Callee, by: HandedFunction): Callee {
  const isSettled = callee.handed === undefined || (callee.given !== undefined && !isNotGiven(callee));
  return isSettled ? { ...callee, handed: by, given: undefined } : callee;
}

/** The tag is kept somewhere: who gives which function is told no further. */
export function withoutHanded(callee: Callee): Callee {
  return callee.handed === undefined || callee.given !== undefined
    ? callee
    : { ...callee, handed: undefined };
}

/** The same place is read by another way: what is known of both holds for either. */
export function joinHanded(known: Callee, other: Callee): void {
  if (known.handed === undefined) return;
  const isAlike =
    other.handed !== undefined &&
    placeKey(known.handed.place) === placeKey(other.handed.place) &&
    String(known.given) === String(other.given);
  if (!isAlike) known.handed.known.isOpen = true;
  else for (const rva of other.handed?.known.functions ?? []) known.handed.known.functions.add(rva);
}

/** Whether the functions that were given are others than those which lead to the tag. */
export function isNotGiven({ handed, given }: Callee): boolean {
  if (handed === undefined || given === undefined || handed.known.isOpen) return false;
  return !given.some(rva => handed.known.functions.has(rva));
}
