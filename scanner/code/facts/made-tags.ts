/** Tags that a function makes of what it is given: a number becomes one character of a constant, or a tag is changed. */

import { PROTECTED_BIT } from '../../../data/pool-tag.ts';
import { byteSwapped } from '../bytes/little-endian.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';

/** How a function makes a tag of a number that it is given. */
export interface MadeTag {
  /** What the number's bits are added to; of a tag that is changed, the bits that are turned. */
  base: number;
  /**
   * The bits of `base` that the number's lowest ones go to; with all bits the number is a tag itself. Of a tag that is changed, the bits
   * that are kept.
   */
  mask: number;
  /**
   * Where nothing is added: the bits are set in `base` (`'Tag0' | (type << 24)`, as compilers write a sum of numbers that are small
   * enough); bits of a tag are changed (`Tag & ~PROTECTED_POOL`); its bytes are swapped.
   */
  how?: 'set' | 'changed' | 'swapped';
}

const WHOLE = 0xffffffff;

/** The bytes of a tag are turned round: whoever writes 'abcd' in C has them from the last to the first. */
export const SWAPPED: MadeTag = { base: 0, mask: WHOLE, how: 'swapped' };

/** Something is added to a tag. */
export function sumWith(added: number): MadeTag {
  return { base: added >>> 0, mask: WHOLE };
}

/** Whether the number is a tag itself, no character of one. */
export function isOfTag({ mask, how }: MadeTag): boolean {
  return mask === WHOLE || how === 'changed';
}

/** Only PROTECTED_POOL is set or cleared, so that the tag stays what it was. */
export function isProtection({ base, mask, how }: MadeTag): boolean {
  if (how === 'changed') return (base | ~mask) >>> 0 === PROTECTED_BIT;
  return base === PROTECTED_BIT && mask === WHOLE && how === undefined;
}

/** What tells two ways of making a tag apart. */
export function madeKey(made: MadeTag | undefined): string {
  return made === undefined ? '' : `${made.base}:${made.mask}:${made.how ?? ''}`;
}

/** The tag that is made of a number; undefined where that gives none, or where a tag is changed that is none. */
export function madeTag(number: number, made: MadeTag): number | undefined {
  const { base, mask, how } = made;
  if (isOfTag(made) && how !== 'swapped' && !looksLikeTag(number)) return undefined;
  const tag = madeNumber(number, base, mask, how) >>> 0;
  return looksLikeTag(tag) ? tag : undefined;
}

function madeNumber(number: number, base: number, mask: number, how: MadeTag['how']): number {
  if (how === 'swapped') return byteSwapped(number);
  if (how === 'changed') return (number & mask) ^ base;
  const moved = Math.imul(number, mask & -mask) & mask;
  return how === 'set' ? base | moved : base + moved;
}
