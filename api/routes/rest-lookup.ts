/** `POST /lookup`: many tags in one request. */
import express, { type Request, type Response } from 'express';
import { lookupAnswerSchema } from '../document-schemas.ts';
import { lookUp } from '../lookup.ts';
import { readMachine } from '../machine.ts';
import { compressResponse } from '../middleware/compress-response.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { lookupBodySchema, MAX_LOOKUP_TAGS } from '../schemas.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import type { RestRoute } from './rest-route.ts';

/** A thousand tags in their longest usual spelling, with room to spare; a list of bare tags takes 8 KB. */
const BODY_LIMIT = '256kb';

const NAMES = { code: 'invalid-body', windows: 'windows', driver: 'drivers' } as const;

const readJson = express.json({ limit: BODY_LIMIT, type: () => true });

export const lookupRoute: RestRoute = {
  method: 'post',
  path: '/lookup',
  operationId: 'lookUpTags',
  summary: `Who owns these tags? 1 to ${MAX_LOOKUP_TAGS.toLocaleString('en')} at once.`,
  description:
    'Answers in the order asked. What is unknown or no tag is marked, and stops nothing. With `windows` or `drivers`, answers name known leaks and whether they apply.',
  request: {
    body: { required: true, content: { 'application/json': { schema: lookupBodySchema } } },
  },
  responses: {
    200: jsonResponse('One answer for each tag.', lookupAnswerSchema),
    ...problemResponse(400, 'The body is not JSON, or not of this shape.'),
    ...problemResponse(413, `The body is larger than ${BODY_LIMIT}.`),
    ...problemResponse(415, 'The body is not application/json in UTF-8.'),
  },
  async handle(request, response, { catalogue }) {
    const body = await jsonBody(request, response);
    const { tags, windows, drivers } = readRequest(lookupBodySchema, body, 'invalid-body');
    const isSaid = (windows ?? drivers) !== undefined;
    const machine = isSaid
      ? readMachine({ windows, drivers }, catalogue.knowledge.windows, NAMES)
      : undefined;
    await compressResponse(request, response);
    response.setHeader('cache-control', 'no-store');
    response.json({ answers: await lookUp(tags, catalogue, machine) });
  },
};

function jsonBody(request: Request, response: Response): Promise<unknown> {
  const type = request.headers['content-type'];
  if (!/^\s*application\/json\s*(;|$)/i.test(type ?? '')) {
    const given =
      type === undefined
        ? 'has no Content-Type'
        : `has the Content-Type ${JSON.stringify(type.slice(0, 80))}`;
    const message = `The request ${given}, but its body must be sent as application/json.`;
    throw new PooltagError('unsupported-media-type', message);
  }
  return new Promise((resolve, reject) => {
    readJson(request, response, error => (error ? reject(error) : resolve(request.body)));
  });
}
