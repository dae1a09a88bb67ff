/** `GET /status`: what is loaded, and how far the scan has come. */
import { statusSchema } from '../document-schemas.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import type { RestRoute } from './rest-route.ts';

export const statusRoute: RestRoute = {
  method: 'get',
  path: '/status',
  operationId: 'getStatus',
  summary: 'What is loaded, and how far the scan of drivers has come.',
  responses: {
    200: jsonResponse('The state of this server.', statusSchema),
    ...problemResponse(503, 'The index does not answer.'),
  },
  async handle(_request, response, { catalogue }) {
    response.setHeader('cache-control', 'no-store');
    response.json(await catalogue.summary());
  },
};
