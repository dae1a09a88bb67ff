/** `GET /tags/{tag}`: who owns this tag, in any spelling. */
import { answerTag } from '../answers.ts';
import { tagAnswerSchema } from '../document-schemas.ts';
import { problemOf } from '../problems.ts';
import { machineQuerySchema, tagParamsSchema } from '../schemas.ts';
import { sendProblem } from '../send-problem.ts';
import { machineOfRequest } from './machine-of-request.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const tagRoute: RestRoute = {
  method: 'get',
  path: '/tags/{tag}',
  operationId: 'getTag',
  summary: 'Who owns this pool tag?',
  description:
    'Takes any spelling and says which reading was taken. With `windows` and `driver`, known leaks say whether they apply. An unknown tag is a 404 problem with suggestions and advice.',
  request: { params: tagParamsSchema, query: machineQuerySchema },
  responses: {
    200: jsonResponse('What is known and seen of the tag.', tagAnswerSchema),
    ...problemResponse(
      400,
      'Not a tag, or a pattern that stands for several; or no build of Windows, or no driver with a version.',
    ),
    ...problemResponse(404, 'Well formed, but unknown: with `suggestions` and `advice`.'),
  },
  async handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const machine = machineOfRequest(request, catalogue);
    const answer = await answerTag(request.params.tag as string, catalogue, machine);
    if (answer.found) {
      sendAnswer(request, response, context, answerVersion, answer);
      return;
    }
    if ('message' in answer) {
      const links = answer.search === undefined ? {} : { links: { search: answer.search } };
      sendProblem(request, response, problemOf(answer.code, answer.message, links));
      return;
    }
    const { found: _found, summary, ...facts } = answer;
    sendProblem(request, response, problemOf('unknown-tag', summary, facts));
  },
};
