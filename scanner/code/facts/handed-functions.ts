/**
 * Functions that are called by a pointer which their caller was given, with what was given beside it (`forEach(list, callback,
 * context)`): who is seen to give another function gives nothing to these.
 */

import { placeKey } from '../processors/places.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';
import type { Callee, GivenFunctions, HandedFunction, PointedFunctions } from './callee.ts';

/** Ways through one function that are told apart; with more of them it may lead to the tag in any case. */
const MAX_WAYS = 8;
/** Callbacks within callbacks that are looked at; real drivers have two or three. */
const MAX_GIVEN = 200;

/** The call of `target` by `pointer` in the function at hand; undefined where that was not given the pointer. */
export function handedFunction(pointer: Value, target: number): HandedFunction | undefined {
  if (pointer.kind !== 'parameter') return undefined;
  return { place: pointer.place, known: { ways: new Map([[target, [undefined]]]), isOpen: false } };
}

/** The callee as call `i` of the function at hand has it: with the functions that are given to it, or handed on. */
export function handedAt(fn: AnalysedFunction, i: number, callee: Callee): Callee {
  const { handed } = callee;
  if (handed === undefined) return callee;
  const values = fn.passedAt(handed.place, i);
  if (values.length === 1 && values[0].kind === 'parameter')
    return { ...callee, handed: { ...handed, place: values[0].place } };
  const functions = values.flatMap(value => (value.kind === 'address' ? [value.rva] : []));
  const isKnown = values.every(
    value => value.kind === 'address' || (value.kind === 'constant' && value.value === 0),
  );
  if (!isKnown || functions.length === 0) return withoutHanded(callee);
  return { ...callee, handed: undefined, given: { functions, known: handed.known, isOpen: false } };
}

/**
 * The callee when it is called by a pointer itself. One such pointer is told of until somebody gives it, the innermost; what has been
 * given for it then belongs to the way through the function that the next pointer leads to.
 */
export function handedOver(callee: Callee, by: HandedFunction): Callee {
  const { handed, given } = callee;
  if (handed !== undefined) return callee;
  const ways = new Map([...by.known.ways.keys()].map(rva => [rva, [given]]));
  return { ...callee, handed: { ...by, known: { ways, isOpen: false } }, given: undefined };
}

/** The tag is kept somewhere: who gives which function is told no further. */
export function withoutHanded(callee: Callee): Callee {
  return callee.handed === undefined ? callee : { ...callee, handed: undefined };
}

/** The same place is read by another way: what is known of both holds for either. */
export function joinHanded({ handed, given }: Callee, other: Callee): void {
  if (given !== undefined && !areAlike(given, other.given)) given.isOpen = true;
  if (handed === undefined) return;
  if (other.handed === undefined || placeKey(handed.place) !== placeKey(other.handed.place))
    handed.known.isOpen = true;
  else joinWays(handed.known, other.handed.known);
}

function joinWays({ ways }: PointedFunctions, other: PointedFunctions): void {
  for (const [rva, others] of other.ways) {
    const known = ways.get(rva) ?? [];
    for (const way of others) if (!known.some(its => areAlike(its, way))) known.push(way);
    ways.set(rva, known.length > MAX_WAYS ? [undefined] : known);
  }
}

function areAlike(given: GivenFunctions | undefined, other: GivenFunctions | undefined): boolean {
  if (given === undefined || other === undefined) return given === other;
  return given.known === other.known && String(given.functions) === String(other.functions);
}

/** Whether the functions that were given are others than those which lead to the tag. */
export function isNotGiven({ given }: Callee): boolean {
  return given !== undefined && !mayHold(given, new Set());
}

/** Whether one of the functions leads to the tag: by a way of which nothing is known, or for which one is given that does. */
function mayHold(given: GivenFunctions, seen: Set<GivenFunctions>): boolean {
  const { functions, known, isOpen } = given;
  if (isOpen || known.isOpen || seen.size >= MAX_GIVEN) return true;
  if (seen.has(given)) return false;
  seen.add(given);
  return functions.some(rva => known.ways.get(rva)?.some(way => way === undefined || mayHold(way, seen)));
}
