/** Constants that stand in the image's own data: const globals, initialised globals, pointers. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { lastAddressNotAbove } from '../bytes/address-search.ts';
import { isRelocated } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { familyOf } from '../bytes/tag-families.ts';
import { address, constant, UNKNOWN } from './make-value.ts';
import type { Value } from './values.ts';

/**
 * The value that a load from an RVA gives, where the image fixes it: a pointer the loader relocates is an address;
 * four bytes of read-only data are what they are (import slots are the caller's to leave out); an initialised variable
 * counts only where it reads like a tag, since it may have changed since. Undefined otherwise.
 */
export function readConstant(image: DriverImage, rva: number): Value | undefined {
  const section = image.sectionAt(rva);
  if (section === undefined) return undefined;
  if (isRelocated(image.relocations, rva)) {
    const target = image.pointerAt(rva);
    return section.writable || target === undefined ? undefined : address(target);
  }
  const value = image.u32At(rva);
  if (value === undefined || rva - section.rva + 4 > section.bytes.length) return undefined;
  const origin = section.executable ? 'literal-pool' : 'global';
  return section.writable && !looksLikeTag(value) ? undefined : constant(value, origin, rva);
}

/** Two bytes of the image's data as they are when it is loaded. */
export function readHalf(image: DriverImage, rva: number): Value {
  const value = image.u32At(rva);
  return value === undefined ? UNKNOWN : constant(value & 0xffff, 'global', rva);
}

/** Entries read from one table; real tables of tags are shorter. */
export const MAX_TABLE_ENTRIES = 64;

/**
 * The tags, or the pointers, in an array whose first one is at `rva` and whose elements have `stride` bytes: as many as read like tags
 * in a row, up to `endRva`, where something else of the image is referred to. `inRow` says how far in its row a tag stands, where that is
 * known. Pointers may have null among them: a search that
 * became a choice by a number (clang 22 makes one of a loop over a table of few) has it where nothing is found.
 */
export function readTable(
  image: DriverImage,
  rva: number,
  stride: number,
  endRva: number,
  inRow?: number,
): Value[] {
  const section = image.sectionAt(rva);
  if (section === undefined || section.executable || stride < 4) return [];
  const values: Value[] = [];
  const ofPointers = isRelocated(image.relocations, rva);
  for (let n = 0; n < MAX_TABLE_ENTRIES; n++) {
    const at = rva + n * stride;
    if (at + 4 > endRva || at + 4 > section.rva + section.bytes.length) break;
    if (isRelocated(image.relocations, at) !== ofPointers) {
      if (ofPointers && isNull(image, at)) continue;
      break;
    }
    const target = ofPointers ? image.pointerAt(at) : undefined;
    const value = image.u32At(at);
    if (target !== undefined) values.push(address(target));
    else if (value === 0 && values.length > 0 && isRowWithoutTag(image, at, stride, endRva, inRow)) continue;
    else if (ofPointers || value === undefined || !looksLikeTag(value)) break;
    else values.push(constant(value, 'table', at));
  }
  return values;
}

/** Rows without a tag in a row, between two with one. */
const MAX_WITHOUT_TAG = 2;

/**
 * Whether a row that has no tag belongs to those before it: it has pointers at their places, or, where it is known `inRow` bytes in its row
 * the tag stands, something else in it, and the next tag begins as theirs do.
 */
function isRowWithoutTag(
  image: DriverImage,
  at: number,
  stride: number,
  endRva: number,
  inRow: number | undefined,
): boolean {
  if (hasPointersAsBefore(image, at, stride)) return true;
  if (inRow === undefined || inRow < 0 || inRow >= stride) return false;
  const wordAt = (rva: number) => (rva + 4 <= endRva ? (image.u32At(rva) ?? 0) : 0);
  const isEmpty = (tagAt: number) => {
    for (let n = 0; n + 4 <= stride; n += 4) if (wordAt(tagAt - inRow + n) !== 0) return false;
    return true;
  };
  let [before, behind] = [at - stride, at];
  while (wordAt(before) === 0 && at - before < MAX_WITHOUT_TAG * stride) before -= stride;
  while (wordAt(behind) === 0 && behind - before <= MAX_WITHOUT_TAG * stride && !isEmpty(behind))
    behind += stride;
  const tag = wordAt(behind);
  return looksLikeTag(tag) && familyOf(tag) === familyOf(wordAt(before));
}

function isNull({ pointerSize, u32At }: DriverImage, rva: number): boolean {
  return u32At(rva) === 0 && (pointerSize === 4 || u32At(rva + 4) === 0);
}

/** Whether the loader relocates something in the `stride` bytes from `rva` on, and the same in as many bytes before it. */
function hasPointersAsBefore({ relocations }: DriverImage, rva: number, stride: number): boolean {
  const first = lastAddressNotAbove(relocations, rva - 1) + 1;
  const before = lastAddressNotAbove(relocations, rva - stride - 1) + 1;
  const count = first - before;
  for (let n = 0; n < count; n++)
    if (relocations[first + n] !== relocations[before + n] + stride) return false;
  const next = first + count;
  return count > 0 && (next >= relocations.length || relocations[next] >= rva + stride);
}
