/** The tags in arrays that are read by an index: the elements that read like tags, in a row. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { nextPointedAt } from '../bytes/pointed-addresses.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { MAX_ELEMENT_BYTES } from './arithmetic.ts';
import { behindPointer } from './behind-pointer.ts';
import { tagsOfLoops } from './loop-fills.ts';
import { inside, memory, UNKNOWN } from './make-value.ts';
import { MAX_TABLE_ENTRIES, readTable } from './static-memory.ts';
import { isOpenValue, type Value, ValueSet } from './values.ts';
import { framePart, type Walk } from './walk.ts';

/** Entries of an array in the frame that are looked at. */
const MAX_LOCAL_ENTRIES = 16;

/** The tags in a field of any element of an array of structures. */
export function arrayField(
  walk: Walk,
  element: Extract<Value, { kind: 'element' | 'stack-element' }>,
  offset: number,
  before: number,
): ValueSet {
  if (element.kind === 'element') return imageArray(walk, (element.rva + offset) | 0, element.stride);
  return localArray(walk, element.offset + offset, element.stride, before, 0);
}

/** The tags in a field of any element of an array that begins behind a pointer, or the name of that field. */
export function arrayBehind(
  walk: Walk,
  pointer: Value,
  offset: number,
  stride: number,
  before: number,
): ValueSet {
  switch (pointer.kind) {
    case 'address':
      return imageArray(walk, (pointer.rva + offset) | 0, stride);
    case 'stack':
      return localArray(walk, pointer.offset + offset, stride, before, 0);
    case 'inside':
      if (pointer.stride !== 0) return ValueSet.of(UNKNOWN);
      return ValueSet.of(behindPointer(inside(pointer.object, pointer.plus + offset, stride), 0));
  }
  return ValueSet.of(isOpenValue(pointer) ? behindPointer(inside(pointer, offset, stride), 0) : UNKNOWN);
}

/** The tags in an array of the function's own frame, read by an index: as many as stand there in a row. */
export function localArray(
  walk: Walk,
  slot: number,
  stride: number,
  before: number,
  depth: number,
): ValueSet {
  const tags = new ValueSet();
  for (let n = 0; n < MAX_LOCAL_ENTRIES; n++) {
    const { values } = walk.at(framePart(slot + n * stride, 4), before, depth + 1);
    const found = values.filter(value => value.kind === 'constant' && looksLikeTag(value.value));
    if (found.length === 0) break;
    for (const tag of found) tags.add(tag);
  }
  if (tags.values.length === 0) for (const tag of tagsOfLoops(walk, slot, stride, depth)) tags.add(tag);
  return tags.values.length === 0 ? ValueSet.of(UNKNOWN) : tags;
}

/** What is known of an array besides where it begins. */
interface KnownRows {
  /** How many there are. */
  elements?: number;
  /** How far in its row a tag stands. */
  inRow?: number;
  /** Code may name other fields of the first row: what it names ends the array from here on only. */
  rowBytes?: number;
}

/**
 * The tags in an array of the image, up to what else of it code or data refers to. Of one that is filled at run time
 * the first element is a variable that can be followed; the others may hold anything.
 */
export function imageArray(
  walk: Pick<Walk, 'image' | 'index'>,
  at: number,
  stride: number,
  { elements = MAX_TABLE_ENTRIES, inRow, rowBytes = stride }: KnownRows = {},
): ValueSet {
  if (stride > MAX_ELEMENT_BYTES) return ValueSet.of(UNKNOWN);
  // Where an index begins at 1 and the table with its section, the row before that is what code names.
  const rva = walk.image.sectionAt(at) === undefined ? at + stride : at;
  const named = walk.index.nextReference(rva + rowBytes, rva + stride * MAX_TABLE_ENTRIES);
  const end = Math.min(nextPointedAt(walk.image, rva + rowBytes, named), rva + stride * elements);
  const values = readTable(walk.image, rva, stride, end, inRow);
  if (values.length > 1 || (values.length === 1 && !goesOn(walk.image, rva + stride, end)))
    return ValueSet.ofAll(values);
  const isFilled = walk.image.sectionAt(rva)?.writable === true;
  // The type 0 is often none, and its row empty. Two tags, or pointers, behind it make sure that they are meant.
  const others =
    !isFilled && walk.image.u32At(rva) === 0 ? readTable(walk.image, rva + stride, stride, end) : [];
  if (others.length > 1) return ValueSet.ofAll(others);
  return isFilled ? ValueSet.ofAll([UNKNOWN, memory(rva, stride)]) : ValueSet.of(UNKNOWN);
}

/**
 * Whether what stands behind the only row is neither another one, nor empty, nor something else: a text may begin like a tag, and
 * where the index has a least number, compilers name a table by what stands before it.
 */
function goesOn(image: DriverImage, next: number, end: number): boolean {
  return next + 4 <= end && (image.u32At(next) ?? 0) !== 0;
}
