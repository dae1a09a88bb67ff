/** TagProblem: what was given in place of a tag, and where it belongs. */
import { tagText } from '../data/pool-tag.ts';
import type { TagReadings } from '../data/tag-readings.ts';
import type { Links } from './answer-document.ts';
import { patternLinks } from './answer-links.ts';

/** Not a tag. `search` is where a pattern finds what it covers. */
export interface TagProblem {
  found: false;
  code: 'invalid-tag';
  input: string;
  /** What was given, what was expected, what to do. */
  message: string;
  search?: Links;
}

/** The problem of an input that `tagReadings` could not read as one tag. */
export function problemOfReadings(
  input: string,
  read: Exclude<TagReadings, { kind: 'readings' }>,
): TagProblem {
  const problem = { found: false, code: 'invalid-tag', input } as const;
  if (read.kind === 'problem') return { ...problem, message: read.message };
  const message = `${tagText(read.pattern)} is a pattern that stands for several tags. Search for it to see them; a look-up takes one tag.`;
  return { ...problem, message, search: patternLinks(read.pattern) };
}
