/** Tags that a function makes of what it is given: a number becomes one character of a constant, or a constant is added to a tag. */

import { PROTECTED_BIT } from '../../../data/pool-tag.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';

/**
 * How a function makes one of a number that it is given: the number's lowest bits go to the mask's and are added to `base`. With all
 * bits in the mask the number is a tag itself, and `base` is added to it.
 */
export interface MadeTag {
  base: number;
  mask: number;
  /** The bits are set in `base` instead: `'Tag0' | (type << 24)`, as compilers write a sum of numbers that are small enough. */
  isSetIn?: true;
}

const WHOLE = 0xffffffff;

/** Something is added to a tag. */
export function sumWith(added: number): MadeTag {
  return { base: added >>> 0, mask: WHOLE };
}

export function isSum({ mask }: MadeTag): boolean {
  return mask === WHOLE;
}

/** Only PROTECTED_POOL is set, so that the tag stays what it was. */
export function isProtection({ base, mask }: MadeTag): boolean {
  return base === PROTECTED_BIT && mask === WHOLE;
}

/** The tag that is made of a number; undefined where that gives none, or where something is added to what is none. */
export function madeTag(number: number, { base, mask, isSetIn }: MadeTag): number | undefined {
  if (mask === WHOLE && !looksLikeTag(number)) return undefined;
  const moved = Math.imul(number, mask & -mask) & mask;
  const tag = (isSetIn ? base | moved : base + moved) >>> 0;
  return looksLikeTag(tag) ? tag : undefined;
}
