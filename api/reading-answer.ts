/** What there is to read beside the tags of a search: guides, components and known leaks. */
import type { ReadingHit } from '../data/reading-search.ts';
import type { SearchQuery } from '../data/search-index.ts';
import type { Links } from './answer-document.ts';
import { articleLinks, componentLinks, guideLinks } from './answer-links.ts';
import type { AnswerSource } from './answer-source.ts';

/** A page to read, with its addresses. */
export interface ReadingView extends ReadingHit {
  links: Links;
}

const LINKS = { guide: guideLinks, component: componentLinks, article: articleLinks };

/** For people. */
export const READING_KINDS: Record<ReadingHit['kind'], string> = {
  guide: 'Guide',
  component: 'Component',
  article: 'Known leak',
};

/** What matches the words of a search, on its first page; a search narrowed to some tags is about those alone. */
export function readingOf(
  { q, driver, vendor, component, source, arch, strength, page }: SearchQuery,
  { reading }: AnswerSource,
  limit?: number,
): ReadingView[] {
  const isNarrowed = [driver, vendor, component, source, arch, strength].some(filter => filter !== undefined);
  if (page > 1 || isNarrowed) return [];
  return reading.find(q, limit).map(hit => ({ ...hit, links: LINKS[hit.kind](hit.id) }));
}
