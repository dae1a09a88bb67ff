/** Answers a search: a page of hits, each with its owners in short, and what the whole result consists of. */
import type { TagRecord } from '../data/facts.ts';
import type { PoolTag, TagPattern } from '../data/pool-tag.ts';
import type { SearchHit, SearchQuery } from '../data/search-index.ts';
import { patternLinks, tagLinks } from './answer-links.ts';
import { bestStrength, sightingStrength } from './answer-owners.ts';
import type { AnswerSource } from './answer-source.ts';
import { readingOf } from './reading-answer.ts';
import { shortAnswer } from './tag-pointers.ts';

/** The answer to one search: tags, and what to read. Throws SearchUnavailable where the index does not answer. */
export async function answerSearch(query: SearchQuery, source: AnswerSource) {
  const { total, page, pageSize, hits, facets, ignoredWords } = await source.index.search(query);
  return {
    query,
    total,
    page,
    pageSize,
    hits: hits.map(hit => searchHitView(hit, source)),
    facets,
    ignoredWords,
    reading: readingOf(query, source),
  };
}

function searchHitView({ record, highlights }: SearchHit, source: AnswerSource) {
  const { tag, id, isPattern } = record;
  const { summary, owners } = shortAnswer(tag, record, [], source);
  return {
    tag,
    id,
    isPattern,
    summary,
    owners,
    strength: strengthOfRecord(record),
    highlights,
    links: isPattern ? patternLinks(tag as TagPattern) : tagLinks(tag as PoolTag),
  };
}

function strengthOfRecord({ knowledge, sightings, articleIds }: TagRecord) {
  const isWritten = knowledge.length > 0 || articleIds.length > 0;
  return isWritten ? 'written' : bestStrength(sightings.map(sightingStrength));
}
