/** Texts in the image, of which any four letters read like a tag, and rows of tags, which read like a text. */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { isRelocated } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { Place } from '../processors/places.ts';
import type { Value } from './values.ts';

/** So many times four letters in a row are a name; tags stand alone or in pairs. */
const WORDS_OF_A_NAME = 3;

/** What may be tags in fields side by side: nothing else that reads like a character stands before or behind them. */
export interface TagRow {
  rva: number;
  count: number;
  /** They share their first two characters, or the last two, as a driver's tags do and pieces of a text do not. */
  isFamily: boolean;
}

/**
 * Of the values that a copy of `bytes` bytes puts at `lane`, those that are no part of a name. What looks like one may still be
 * a row of tags, which `isRow` is asked: `first` is the row's distance from the beginning of the copy.
 */
export function withoutNames(
  image: DriverImage,
  values: readonly Value[],
  lane: number,
  bytes: number,
  isRow: (row: TagRow, first: number) => boolean,
): readonly Value[] {
  if (bytes < 4 * WORDS_OF_A_NAME) return values;
  return values.filter(value => {
    if (value.kind !== 'constant' || value.origin !== 'global') return true;
    const begin = value.rva - lane;
    const isLetters = (at: number) => at >= 0 && at + 4 <= bytes && isText(image.u32At(begin + at) ?? 0);
    let words = 1;
    for (let at = lane - 4; words < WORDS_OF_A_NAME && isLetters(at); at -= 4) words++;
    for (let at = lane + 4; words < WORDS_OF_A_NAME && isLetters(at); at += 4) words++;
    if (words < WORDS_OF_A_NAME) return true;
    const row = rowOfTags(image, value.rva);
    return row !== undefined && isRow(row, row.rva - begin);
  });
}

/** A text is longer than a tag beside a number that reads like one character or two. */
const LEAST_TEXT_BYTES = 7;
/** So many characters behind the end of a text are the beginning of the next one: texts stand side by side, without padding. */
const NEXT_TEXT_BYTES = 3;
/** Of so many words in a row one name in four has the length; tags of that many share their letters. */
const WORDS_OF_A_TEXT = 4;
/** So many different words in a row that begin with the same two letters are tags. */
const LEAST_FAMILY = 3;
/** As far as it takes to see that bytes are part of a text. */
const MAX_TEXT_BYTES = 64;

/**
 * Whether the four bytes at this RVA are a piece of a longer text, and no tag of a row of tags. Of what is copied whole the
 * extent is known, and `withoutNames` sees more: a name whose length is a multiple of four reads like such a row. Characters before
 * `objectRva`, where an object is known to begin, belong to something else.
 */
export function isPieceOfText(image: DriverImage, rva: number, objectRva = 0): boolean {
  const section = image.sectionAt(rva);
  if (section === undefined) return false;
  // Compilers align the fields of structures, and no texts.
  if (rva % 4 !== 0) return true;
  if (isInFamily(image, rva, objectRva)) return false;
  const at = rva - section.rva;
  const { begin, end } = textAround(image, section, at, objectRva);
  if (isBeforeText(image, section, end)) return true;
  const isWhole = (at - begin) % 4 === 0 && (end - at) % 4 === 0;
  const isRow = isWhole && end - begin < 4 * WORDS_OF_A_TEXT;
  return end - begin >= LEAST_TEXT_BYTES && !isRow && !rowOfTags(image, rva, objectRva)?.isFamily;
}

/**
 * Whether what a function reads behind a pointer that it has read in an object of its caller's is a piece of a text, or a name of some
 * words: another kind of object was passed.
 */
export function isOfText(
  image: DriverImage,
  { origin, rva }: Extract<Value, { kind: 'constant' }>,
  { further }: Place,
): boolean {
  if (further === undefined || origin !== 'global') return false;
  const objectRva = rva - further;
  if (isPieceOfText(image, rva, objectRva)) return true;
  const row = rowOfTags(image, rva, objectRva);
  return row !== undefined && row.count >= WORDS_OF_A_NAME && !row.isFamily;
}

/**
 * Whether the four bytes are one of several different tags in a row that begin alike, whatever stands behind these: compilers put a text
 * right behind the table that they make of a switch, or behind a structure, and letters of a text do not return every four bytes. Two
 * are enough where no text stands before them.
 */
function isInFamily({ u32At, sectionAt }: DriverImage, rva: number, objectRva: number): boolean {
  const word = u32At(rva) ?? 0;
  if (!looksLikeTag(word) || !isLetter(word & 0xff)) return false;
  const family = new Set<number>();
  const isAnother = (at: number) => {
    const tag = u32At(at) ?? 0;
    const isOne = looksLikeTag(tag) && (tag & 0xffff) === (word & 0xffff) && !family.has(tag);
    if (isOne) family.add(tag);
    return isOne && family.size < LEAST_FAMILY;
  };
  for (let at = rva; isAnother(at); ) at += 4;
  let begin = rva;
  while (begin - 4 >= objectRva && isAnother(begin - 4)) begin -= 4;
  if (family.size !== LEAST_FAMILY - 1) return family.size >= LEAST_FAMILY;
  // Where an object begins with them, it may be a text itself.
  const section = begin === objectRva ? undefined : sectionAt(begin);
  return section !== undefined && !isTextByte(section.bytes[begin - section.rva - 1]);
}

/**
 * The characters around the four bytes at an offset, as far as is looked. A pointer that the loader relocates holds none: the
 * lowest byte of one behind a tag may read like another character.
 */
function textAround(
  image: DriverImage,
  { rva, bytes }: Section,
  at: number,
  objectRva: number,
): { begin: number; end: number } {
  const { relocations, pointerSize } = image;
  const isOfText = (offset: number) => isTextByte(bytes[offset]) && !isRelocated(relocations, rva + offset);
  const isBehindPointer = (offset: number) => isRelocated(relocations, rva + offset - pointerSize);
  const first = Math.max(0, objectRva - rva);
  let begin = at;
  while (
    begin > first &&
    at - begin < MAX_TEXT_BYTES &&
    isTextByte(bytes[begin - 1]) &&
    !isBehindPointer(begin)
  )
    begin--;
  let end = at + 4;
  while (end < bytes.length && end - at < MAX_TEXT_BYTES && isOfText(end)) end++;
  return { begin, end };
}

/** Whether a text ends at an offset and the next one begins right behind. */
function isBeforeText({ relocations }: DriverImage, { rva, bytes }: Section, end: number): boolean {
  if (bytes[end] !== 0 || isRelocated(relocations, rva + end)) return false;
  for (let n = 1; n <= NEXT_TEXT_BYTES; n++) if (!isTextByte(bytes[end + n])) return false;
  return true;
}

function rowOfTags(image: DriverImage, rva: number, objectRva = 0): TagRow | undefined {
  const section = image.sectionAt(rva);
  if (section === undefined) return undefined;
  const { bytes } = section;
  const at = rva - section.rva;
  const { begin, end } = textAround(image, section, at, objectRva);
  if (at - begin >= MAX_TEXT_BYTES || end - at >= MAX_TEXT_BYTES) return undefined;
  // The field behind the last tag may be a number that reads like one character.
  const isSmallNumber = (end - at) % 4 === 1 && [1, 2, 3].every(n => bytes[end + n - 1] === 0);
  const count = (end - begin - (isSmallNumber ? 1 : 0)) / 4;
  if ((at - begin) % 4 !== 0 || !Number.isInteger(count)) return undefined;
  const tags = Array.from({ length: count }, (_, n) => image.u32At(section.rva + begin + 4 * n) ?? 0);
  if (!tags.every(looksLikeTag)) return undefined;
  const isFamily = sharesLetters(tags, 0) || sharesLetters(tags, 16);
  return { rva: section.rva + begin, count, isFamily };
}

/** Whether two characters, the first of them a letter, are the same in all tags, and the others are not. */
function sharesLetters(tags: readonly number[], shift: number): boolean {
  const shared = tags.map(tag => (tag >>> shift) & 0xffff);
  return (
    isLetter(shared[0] & 0xff) && shared.every(one => one === shared[0]) && tags.some(tag => tag !== tags[0])
  );
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** Whether all four bytes are characters. */
export function isText(value: number): boolean {
  return [0, 8, 16, 24].every(
    shift => ((value >>> shift) & 0xff) >= 0x20 && ((value >>> shift) & 0xff) < 0x7f,
  );
}
