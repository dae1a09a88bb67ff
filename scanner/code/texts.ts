/** Texts in the image, of which any four letters read like a tag. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { Value } from './values.ts';

/** So many times four letters in a row are a name; tags stand alone or in pairs. */
const WORDS_OF_A_NAME = 3;

/** Of the values that a copy of `bytes` bytes puts at `lane`, those that are no part of a name. */
export function withoutNames(
  image: DriverImage,
  values: readonly Value[],
  lane: number,
  bytes: number,
): readonly Value[] {
  if (bytes < 4 * WORDS_OF_A_NAME) return values;
  return values.filter(value => {
    if (value.kind !== 'constant' || value.origin !== 'global') return true;
    const begin = value.rva - lane;
    const isLetters = (at: number) => at >= 0 && at + 4 <= bytes && isText(image.u32At(begin + at) ?? 0);
    let words = 1;
    for (let at = lane - 4; words < WORDS_OF_A_NAME && isLetters(at); at -= 4) words++;
    for (let at = lane + 4; words < WORDS_OF_A_NAME && isLetters(at); at += 4) words++;
    return words < WORDS_OF_A_NAME;
  });
}

/** A text is longer than two tags that stand side by side, or than one before a number that reads like a character. */
const LEAST_TEXT_BYTES = 8;
/** As far as it takes to see that bytes are part of a text. */
const MAX_TEXT_BYTES = 64;

/**
 * Whether the four bytes at this RVA are a piece of a longer text, and no tag of a row of tags. Of what is copied whole the
 * extent is known, and `withoutNames` sees more: a name whose length is a multiple of four reads like such a row.
 */
export function isPieceOfText(image: DriverImage, rva: number): boolean {
  const section = image.sectionAt(rva);
  if (section === undefined) return false;
  const { bytes } = section;
  const at = rva - section.rva;
  let begin = at;
  while (begin > 0 && at - begin < MAX_TEXT_BYTES && isTextByte(bytes[begin - 1])) begin--;
  let end = at + 4;
  while (end < bytes.length && end - at < MAX_TEXT_BYTES && isTextByte(bytes[end])) end++;
  const isRow = (at - begin) % 4 === 0 && (end - at) % 4 === 0;
  return end - begin >= LEAST_TEXT_BYTES && !isRow;
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
