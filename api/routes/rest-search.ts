/** `GET /search`: tags by words, patterns and facets. */
import type { TagRecord } from '../../data/facts.ts';
import type { PoolTag, TagPattern } from '../../data/pool-tag.ts';
import type { SearchHit } from '../../data/search-index.ts';
import { patternLinks, tagLinks } from '../answer-links.ts';
import { bestStrength, sightingStrength } from '../answer-owners.ts';
import type { AnswerSource } from '../answer-source.ts';
import { searchAnswerSchema } from '../document-schemas.ts';
import { readRequest } from '../read-request.ts';
import { searchQuerySchema } from '../schemas.ts';
import { shortAnswer } from '../tag-pointers.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const searchRoute: RestRoute = {
  method: 'get',
  path: '/search',
  operationId: 'searchTags',
  summary: 'Find tags by words, owner, driver or a pattern.',
  description:
    'Exact tags come first, then tags that begin so, then words. Totals are exact; facets count the whole result.',
  request: { query: searchQuerySchema },
  responses: {
    200: jsonResponse('A page of hits with facets.', searchAnswerSchema),
    ...problemResponse(400, 'A parameter is not what it must be.'),
  },
  async handle(request, response, context) {
    const { catalogue } = context;
    const { version } = catalogue;
    const query = readRequest(searchQuerySchema, request.query, 'invalid-query');
    const { total, page, pageSize, hits, facets, ignoredWords } = await catalogue.index.search(query);
    sendAnswer(request, response, context, version, {
      query,
      total,
      page,
      pageSize,
      hits: hits.map(hit => searchHitView(hit, catalogue)),
      facets,
      ignoredWords,
    });
  },
};

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
