/**
 * Calls by an object's table, of which nobody knows which class's functions they lead to: a guess, until a caller makes the object and
 * so knows its table.
 */

import { placeKey, pointerTo } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';
import type { Callee, VirtualCall } from './callee.ts';

/** The distance of a function in a table, and where the table's address stands; undefined where that is not known. */
export function tableEntry(pointer: Value): ReturnType<typeof pointerTo> {
  const place = pointer.kind === 'field' || pointer.kind === 'parameter' ? pointer.place : undefined;
  return place === undefined ? undefined : pointerTo(place);
}

/** `callee`, what `target` uses, as call `i` has it by a pointer from a table that leads there by so many guesses. */
export function calledByTable(
  fn: AnalysedFunction,
  i: number,
  pointer: Value,
  target: number,
  callee: Callee,
  guesses: number,
  isOpen?: true,
): Callee {
  // Where the very table was passed, nothing is guessed.
  if (guesses === 0) return callee;
  return {
    ...callee,
    virtual: virtualCall(fn, i, pointer, callee, target),
    guessedCall: { functionRva: fn.rva, pointer, place: callee.place, isOpen },
    guesses: (callee.guesses ?? 0) + guesses,
  };
}

/** What call `i`, by a pointer from a table, says of `target`: that it reads its tag in the very object which has the table. */
function virtualCall(
  fn: AnalysedFunction,
  i: number,
  pointer: Value,
  { place }: Callee,
  target: number,
): VirtualCall | undefined {
  const entry = tableEntry(pointer);
  const table = entry === undefined ? undefined : pointerTo(entry.pointer);
  const tag = pointerTo(place);
  if (entry === undefined || table === undefined || tag === undefined) return undefined;
  const key = placeKey(table.pointer);
  const isSameObject = (value: Value) => value.kind === 'parameter' && placeKey(value.place) === key;
  if (!fn.passedAt(tag.pointer, i).every(isSameObject)) return undefined;
  return { before: tag.offset - table.offset, at: entry.offset, targets: new Set([target]), isOpen: false };
}

/** The same place is read by another way: what is known of both holds for either. */
export function joinVirtual(known: VirtualCall, other: VirtualCall | undefined): void {
  if (other === undefined || other.before !== known.before || other.at !== known.at) known.isOpen = true;
  else for (const target of other.targets) known.targets.add(target);
}

/** Whether the object has another class's table: `called` are the functions that stand in it. */
export function isOfOtherClass({ virtual, called }: Callee): boolean {
  if (virtual === undefined || called === undefined || virtual.isOpen) return false;
  return !called.some(rva => virtual.targets.has(rva));
}
