/** `GET /search`: tags by words, patterns and facets. */
import { searchAnswerSchema } from '../document-schemas.ts';
import { readRequest } from '../read-request.ts';
import { searchQuerySchema } from '../schemas.ts';
import { answerSearch } from '../search-answer.ts';
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
    const { answerVersion } = catalogue;
    const query = readRequest(searchQuerySchema, request.query, 'invalid-query');
    sendAnswer(request, response, context, answerVersion, await answerSearch(query, catalogue));
  },
};
