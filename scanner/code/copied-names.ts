/** Names among what is copied from the image into objects: any four letters of one read like a tag. */
import type { DriverImage } from '../pe/image-facts.ts';
import { isText } from './static-memory.ts';
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
