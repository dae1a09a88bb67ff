/** The rules, in the order in which their findings are easiest to mend. */
import type { Rule } from './rule.ts';
import { affectedRanges } from './rules/affected-ranges.ts';
import { meaningStated } from './rules/meaning-stated.ts';
import { meaningUnique } from './rules/meaning-unique.ts';
import { noDuplicate } from './rules/no-duplicate.ts';
import { ownerNamed } from './rules/owner-named.ts';
import { referencesExist } from './rules/references-exist.ts';
import { shape } from './rules/shape.ts';
import { sorted } from './rules/sorted.ts';
import { sourcesResolve } from './rules/sources-resolve.ts';
import { tagReversed } from './rules/tag-reversed.ts';
import { tagValid } from './rules/tag-valid.ts';

export const RULES: readonly Rule[] = [
  shape,
  tagValid,
  tagReversed,
  ownerNamed,
  meaningStated,
  meaningUnique,
  noDuplicate,
  sorted,
  sourcesResolve,
  referencesExist,
  affectedRanges,
];
