/** `GET /components`, `GET /guides`, and one of each: the rest of what the program knows by itself. */
import type { z } from 'zod';
import type { Catalogue } from '../catalogue.ts';
import { answerComponent, answerGuide, componentEntry, guideEntry } from '../knowledge-answers.ts';
import {
  componentAnswerSchema,
  componentsAnswerSchema,
  guideAnswerSchema,
  guidesAnswerSchema,
} from '../knowledge-schemas.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { knowledgeParamsSchema } from '../schemas.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const componentsRoute = listRoute(
  '/components',
  'listComponents',
  'The parts of Windows and the products that own tags.',
  componentsAnswerSchema,
  ({ knowledge }) => ({
    total: knowledge.components.length,
    components: knowledge.components.map(componentEntry),
  }),
);

export const componentRoute = itemRoute(
  '/components/{id}',
  'getComponent',
  'One component: what it takes pool for, which growth is ordinary, and its tags.',
  componentAnswerSchema,
  (id, catalogue) => {
    const component = catalogue.component(id);
    return component && answerComponent(component, catalogue.knowledge.entries);
  },
);

export const guidesRoute = listRoute(
  '/guides',
  'listGuides',
  'The guides: how to find a leak, step by step.',
  guidesAnswerSchema,
  ({ knowledge }) => ({ total: knowledge.guides.length, guides: knowledge.guides.map(guideEntry) }),
);

export const guideRoute = itemRoute(
  '/guides/{id}',
  'getGuide',
  'One guide, in Markdown.',
  guideAnswerSchema,
  (id, { knowledge }) => {
    const guide = knowledge.guides.find(one => one.id === id);
    return guide && answerGuide(guide);
  },
);

function listRoute(
  path: string,
  operationId: string,
  summary: string,
  schema: z.ZodType,
  list: (catalogue: Catalogue) => object,
): RestRoute {
  return {
    method: 'get',
    path,
    operationId,
    summary,
    responses: { 200: jsonResponse('All of them.', schema) },
    handle(request, response, context) {
      const { answerVersion } = context.catalogue;
      sendAnswer(request, response, context, answerVersion, list(context.catalogue));
    },
  };
}

function itemRoute(
  path: string,
  operationId: string,
  summary: string,
  schema: z.ZodType,
  find: (id: string, catalogue: Catalogue) => object | undefined,
): RestRoute {
  return {
    method: 'get',
    path,
    operationId,
    summary,
    request: { params: knowledgeParamsSchema },
    responses: {
      200: jsonResponse('It.', schema),
      ...problemResponse(404, 'There is none of this id.'),
    },
    handle(request, response, context) {
      const { answerVersion } = context.catalogue;
      const { id } = readRequest(knowledgeParamsSchema, request.params, 'invalid-query');
      const found = find(id, context.catalogue);
      if (found === undefined) {
        const all = `/api/v1${path.replace('/{id}', '')}`;
        throw new PooltagError('unknown-route', `There is none of this id; ${all} has all.`);
      }
      sendAnswer(request, response, context, answerVersion, found);
    },
  };
}
