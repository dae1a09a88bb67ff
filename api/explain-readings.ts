/** What somebody asks to be explained: a tag in any spelling, or a text with `?` that may be a tag's own characters or a computed family's name. */

import { isPattern, type PoolTag, poolTag, type TagPattern } from '../data/pool-tag.ts';
import { TagCandidates } from '../data/tag-candidates.ts';
import { type TagReadings, tagReadings } from '../data/tag-readings.ts';
import type { TagExplanation } from '../scanner/explain/tag-explanation.ts';

export interface ExplainReadings {
  /** The likeliest first. */
  tags: PoolTag[];
  /** What the text is besides. Without it, these very bytes are meant: a value, a literal of C, plain text. */
  pattern?: TagPattern;
}

/** The tags that the text may mean; a problem where it can be none. */
export function explainReadings(
  text: string,
): ExplainReadings | Exclude<TagReadings, { kind: 'readings' | 'pattern' }> {
  const read = tagReadings(text);
  if (read.kind === 'problem') return read;
  if (read.kind === 'readings') return { tags: read.candidates.map(({ tag }) => tag) };
  const { pattern } = read;
  // A tag may have `?` and `*` among its own characters; a short one is filled with blanks or NULs.
  const literal = new TagCandidates();
  literal.addText(pattern.trimEnd(), []);
  const tags = [poolTag(pattern), ...literal.inOrder().map(({ tag }) => tag)];
  return { tags: [...new Set(tags)], pattern };
}

/**
 * Of an explanation, what was asked for; null where that is nothing. Four bytes that nobody uses stay beside a family only
 * where `withBare`: they may be its own base.
 */
export function meantExplanation(
  explanation: TagExplanation,
  isExact: boolean,
  withBare = false,
): TagExplanation | null {
  const { also, ...first } = explanation;
  if (isExact) return first.isPattern ? (also ?? null) : first;
  return also === undefined || (isBare(also) && !withBare) ? first : explanation;
}

/** Only four bytes that nothing is known to take as a tag. */
export function isBare({ sites }: TagExplanation): boolean {
  return sites.every(({ evidence }) => evidence.kind === 'literal');
}

/** Whether the explained tag has wildcards among its own characters, which has to be said. */
export function isOwnWildcard({
  tag,
  isPattern: isFamily,
}: Pick<TagExplanation, 'tag' | 'isPattern'>): boolean {
  return !isFamily && isPattern(tag);
}
