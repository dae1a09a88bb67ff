/** TagProblem: what was given in place of a tag, and where it belongs. */
import type { TagPattern } from '../data/pool-tag.ts';
import { tagText } from '../data/pool-tag.ts';
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

/** The text names several tags at once. */
export function patternProblem(input: string, pattern: TagPattern): TagProblem {
  return {
    found: false,
    code: 'invalid-tag',
    input,
    message: `${tagText(pattern)} is a pattern that stands for several tags. Search for it to see them; a look-up takes one tag.`,
    search: patternLinks(pattern),
  };
}
