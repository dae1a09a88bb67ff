/** Which uses belong to a sighting: those of the tag itself or, of a wildcard, those that compute the character of its `?`. */
import type { TagSighting } from '../../data/facts.ts';
import { type PoolTag, PROTECTED_BIT, patternCovers, tagFromUlong } from '../../data/pool-tag.ts';
import type { TagUse } from '../code/facts/tag-use.ts';

/**
 * The sightings of a name: of the wildcard, and of the tag that has these very characters. The wildcard comes first: the
 * four bytes with a real `?` may stand in its own code, as its base.
 */
export function sightingsOf(sightings: readonly TagSighting[], tag: PoolTag): TagSighting[] {
  const found = sightings.filter(one => one.tag === tag);
  return [...found.filter(({ isPattern }) => isPattern), ...found.filter(({ isPattern }) => !isPattern)];
}

/** Whether the use is one of those that made the sighting. A family's base may read like a tag, but is none. */
export function isUseOf({ tag, isPattern }: TagSighting, { ulong, familyMask }: TagUse): boolean {
  if (familyMask === undefined) return !isPattern && tagWithoutBit(ulong) === tag;
  const isSameCharacter = tag[computedCharacter(familyMask)] === '?';
  return isPattern === true && isSameCharacter && patternCovers(tag, tagFromUlong(ulong));
}

/** Which of the four characters is computed, counted from 0. */
export function computedCharacter(mask: number): number {
  return [0, 1, 2, 3].find(at => ((mask >>> (8 * at)) & 0xff) !== 0) ?? 3;
}

/** The tag of a ULONG, as the pool shows it: PROTECTED_POOL is no part of it. */
export function tagWithoutBit(ulong: number): PoolTag {
  return tagFromUlong((ulong & ~PROTECTED_BIT) >>> 0);
}
