/** `GET /suggest`: free pool tags for a driver of a name. */
import { readRequest } from '../read-request.ts';
import { suggestQuerySchema } from '../schemas.ts';
import { suggestTags } from '../suggest-tags.ts';
import { suggestionsSchema } from '../suggestion-schema.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const suggestRoute: RestRoute = {
  method: 'get',
  path: '/suggest',
  operationId: 'suggestTags',
  summary: 'Which pool tags are free for a driver of this name?',
  description:
    'Readable candidates from the name, compared with all that is loaded: lists, wildcard entries, scanned drivers, other letter case, the bytes backwards.',
  request: { query: suggestQuerySchema },
  responses: {
    200: jsonResponse('Free tags, and why the obvious ones are not.', suggestionsSchema),
    ...problemResponse(400, 'A parameter is not what it must be, or the name has no letter and no digit.'),
  },
  async handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const { name, count } = readRequest(suggestQuerySchema, request.query, 'invalid-query');
    sendAnswer(request, response, context, answerVersion, await suggestTags(name, count, catalogue));
  },
};
