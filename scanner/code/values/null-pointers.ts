/**
 * Pointers that may be null: a search that finds nothing answers it, an allocation that fails gives it, and code asks for it before
 * anything is read. What would stand behind it is no field of any object.
 */

import { type Value, ValueSet } from './values.ts';

/** What Windows never maps, so that null with the distance of a part is no address either. */
const NULL_PAGES = 0x10000;

/** The pointers less null, unless nothing else is left; `offset` is how far behind them something is read. */
export function withoutNull(pointers: ValueSet, offset: number): ValueSet {
  const { values } = pointers;
  if (values.length < 2) return pointers;
  const others = pointersOf(values, offset);
  return others.length === values.length ? pointers : ValueSet.ofAll(others);
}

/** The same of a list. */
export function pointersOf(values: readonly Value[], offset: number): readonly Value[] {
  // On x86 a table's address may be the distance, and what is added to it an index.
  if (values.length < 2 || offset < 0 || offset >= NULL_PAGES) return values;
  const others = values.filter(value => value.kind !== 'constant' || value.value >>> 0 >= NULL_PAGES);
  return others.length === 0 ? values : others;
}
