/**
 * Tables whose rows hold a function and what it is called with (`row->handler(device, row->word)`): each function is given what stands
 * in its own row, and the words of other rows are none of its tags.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import type { Value } from './values.ts';

type Cell = Extract<Value, { kind: 'constant' }>;

/**
 * Of the values that a call passes those which stand in rows with a function that is meant; `called` are the pointers that it may go
 * through. Where it is not certain which function stands in a value's row, the value stays.
 */
export function ofRowsWith(
  image: DriverImage,
  called: readonly Value[],
  passed: readonly Value[],
  isMeant: (functionRva: number) => boolean,
): readonly Value[] {
  const cells = passed.filter(isCell);
  if (cells.length < 2) return passed;
  const functions = new Set(called.flatMap(value => (value.kind === 'address' ? [value.rva] : [])));
  if (functions.size < 2) return passed;
  const distance = distanceOf(image, cells, functions);
  if (distance === undefined) return passed;
  return passed.filter(value => {
    const functionRva = isCell(value) ? relocatedPointerAt(image, value.rva + distance) : undefined;
    return functionRva === undefined || isMeant(functionRva);
  });
}

/** Whether the table's rows are told apart: it is read in the image's data. */
function isCell(value: Value): value is Cell {
  return value.kind === 'constant' && (value.origin === 'table' || value.origin === 'global');
}

/**
 * How far behind each of the cells one of the functions stands, in the same row. Where several functions of a row are called in turn,
 * the column is the one that has them in the order in which they were read.
 */
function distanceOf(
  image: DriverImage,
  cells: readonly Cell[],
  functions: ReadonlySet<number>,
): number | undefined {
  const rvas = cells.map(({ rva }) => rva).sort((a, b) => a - b);
  const stride = rvas[1] - rvas[0];
  const columns: { distance: number; isInOrder: boolean }[] = [];
  for (let distance = 4 - stride; distance < stride; distance += 4) {
    const column = new Set(rvas.map(rva => relocatedPointerAt(image, rva + distance)));
    if (![...column].every(target => target !== undefined && functions.has(target))) continue;
    columns.push({ distance, isInOrder: [...column].join() === [...functions].join() });
  }
  if (columns.length === 1) return columns[0].distance;
  const inOrder = columns.filter(({ isInOrder }) => isInOrder);
  return inOrder.length === 1 ? inOrder[0].distance : undefined;
}
