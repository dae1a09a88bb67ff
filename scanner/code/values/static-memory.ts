/** Constants that stand in the image's own data: const globals, initialised globals, pointers. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { lastAddressNotAbove } from '../bytes/address-search.ts';
import { isRelocated } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
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
 * in a row, up to `endRva`, where something else of the image is referred to. A row without a tag (zero) belongs to them where it has
 * pointers at the places of the row before it, and the next tag is a row's as well. Pointers may have null among them: a search that
 * became a choice by a number (clang 22 makes one of a loop over a table of few) has it where nothing is found.
 */
export function readTable(image: DriverImage, rva: number, stride: number, endRva: number): Value[] {
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
    else if (value === 0 && values.length > 0 && hasPointersAsBefore(image, at, stride)) continue;
    else if (ofPointers || value === undefined || !looksLikeTag(value)) break;
    else values.push(constant(value, 'table', at));
  }
  return values;
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
