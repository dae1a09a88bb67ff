/** Families of tags: drivers begin theirs alike. */
import { PROTECTED_BIT } from '../../../data/pool-tag.ts';

/** Tags that share their first two characters before these count as a family. */
const FAMILY_SIZE = 3;

/** A tag's first two characters, as a number. */
export function familyOf(ulong: number): number {
  return ulong & 0xffff;
}

/** The families that these tags make; one with and without PROTECTED_POOL is one tag. */
export function familiesOf(ulongs: Iterable<number>): Set<number> {
  const counts = new Map<number, number>();
  for (const tag of new Set(Array.from(ulongs, ulong => (ulong & ~PROTECTED_BIT) >>> 0)))
    counts.set(familyOf(tag), (counts.get(familyOf(tag)) ?? 0) + 1);
  return new Set([...counts].flatMap(([family, count]) => (count >= FAMILY_SIZE ? [family] : [])));
}
