/** `GET /articles` and `GET /articles/{id}`: known leaks, each with whether it concerns the machine. */
import { answerArticle, answerArticles } from '../article-answer.ts';
import { articleAnswerSchema, articlesAnswerSchema } from '../knowledge-schemas.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { knowledgeParamsSchema, machineQuerySchema } from '../schemas.ts';
import { machineOfRequest } from './machine-of-request.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

const WRONG_MACHINE = problemResponse(400, 'No build of Windows, or no driver with a version.');

export const articlesRoute: RestRoute = {
  method: 'get',
  path: '/articles',
  operationId: 'listArticles',
  summary: 'Every known leak; with `windows` and `driver`, those that apply come first.',
  request: { query: machineQuerySchema },
  responses: { 200: jsonResponse('All of them.', articlesAnswerSchema), ...WRONG_MACHINE },
  handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const machine = machineOfRequest(request, catalogue);
    const articles = answerArticles(catalogue.knowledge.articles, machine, catalogue);
    sendAnswer(request, response, context, answerVersion, { total: articles.length, articles });
  },
};

export const articleRoute: RestRoute = {
  method: 'get',
  path: '/articles/{id}',
  operationId: 'getArticle',
  summary: 'One known leak: what is affected, what it looks like, and what ended it.',
  request: { params: knowledgeParamsSchema, query: machineQuerySchema },
  responses: {
    200: jsonResponse('The known leak.', articleAnswerSchema),
    ...WRONG_MACHINE,
    ...problemResponse(404, 'There is no known leak of this id.'),
  },
  handle(request, response, context) {
    const { catalogue } = context;
    const { answerVersion } = catalogue;
    const { id } = readRequest(knowledgeParamsSchema, request.params, 'invalid-query');
    const article = catalogue.article(id);
    if (article === undefined) {
      throw new PooltagError('unknown-route', 'There is no known leak of this id; /api/v1/articles has all.');
    }
    const machine = machineOfRequest(request, catalogue);
    sendAnswer(request, response, context, answerVersion, answerArticle(article, machine, catalogue));
  },
};
