/** Tags in data that only a guess upon a guess reads. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { familyOf } from '../bytes/tag-families.ts';
import { isProven, type TagUse } from './tag-use.ts';

/** Descriptions with a few tags are short, and those side by side in them. */
const BESIDE_BYTES = 16;

/**
 * The uses less what stands in data and is reached by two guesses, unless a proven tag that begins alike stands beside it: the
 * descriptions that drivers copy into their objects hold tags of one family, of which one is used at once, and another one later, by
 * functions that are given the object. Data elsewhere that a wrong object leads to has no such witness.
 */
export function withoutFarData(uses: readonly TagUse[], image: DriverImage): readonly TagUse[] {
  const isInData = ({ constantRva }: TagUse) => image.sectionAt(constantRva)?.executable !== true;
  const isFar = (use: TagUse) => (use.callee.guesses ?? 0) > 1 && isInData(use);
  if (!uses.some(isFar)) return uses;
  const proven = uses.filter(use => isProven(use) && isInData(use));
  const hasWitness = ({ ulong, constantRva }: TagUse) =>
    proven.some(
      other =>
        other.ulong !== ulong &&
        familyOf(other.ulong) === familyOf(ulong) &&
        Math.abs(other.constantRva - constantRva) <= BESIDE_BYTES,
    );
  return uses.filter(use => !isFar(use) || hasWitness(use));
}
