/** Sums of two numbers of which each may be one of a few: the row and the column of a table. */

import { constant } from './make-value.ts';
import { ValueSet } from './values.ts';

/** Larger numbers are no distances in a table. */
const MAX_DISTANCE = 0x10000;
/** Fields of such a table. */
const MAX_FIELDS = 24;

/**
 * Every sum of two sets of numbers, where these are the rows and columns of one table without a gap; undefined for others, since two sets of
 * numbers may be two views of one choice, of which only some sums come about.
 */
export function gridSums(rows: ValueSet, columns: ValueSet, rva: number): ValueSet | undefined {
  const count = rows.values.length * columns.values.length;
  if (count > MAX_FIELDS) return undefined;
  const sums: number[] = [];
  for (const row of rows.values) {
    for (const column of columns.values) {
      if (row.kind !== 'constant' || column.kind !== 'constant') return undefined;
      sums.push(row.value + column.value);
    }
  }
  sums.sort((a, b) => a - b);
  const step = sums[1] - sums[0];
  const isWhole = step > 0 && sums[0] === 0 && sums.every((sum, n) => sum === n * step);
  if (!isWhole || sums[count - 1] >= MAX_DISTANCE) return undefined;
  return ValueSet.ofAll(sums.map(sum => constant(sum, 'computed', rva)));
}
