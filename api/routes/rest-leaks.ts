/** `POST /leaks`: what is leaking, by the print-outs that the request brings. */
import { leaksBodySchema, leaksQuerySchema, MAX_UPLOAD_BYTES } from '../leaks/leak-request.ts';
import { leakAnswerSchema } from '../leaks/leak-schema.ts';
import { compressResponse } from '../middleware/compress-response.ts';
import { requireOwnOrigin } from '../middleware/own-origin.ts';
import { readRequest } from '../read-request.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import type { RestRoute } from './rest-route.ts';

const LIMIT = `${MAX_UPLOAD_BYTES / 1024 / 1024} MB`;

const EXAMPLE = ` Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc

 EtwB Nonp       6394      4056      2338 163418368      69896
 MmSt Paged   2269405   2095404    174001 156097152        897
`;

export const leaksRoute: RestRoute = {
  method: 'post',
  path: '/leaks',
  operationId: 'findLeaks',
  summary: 'What is leaking, how fast, who owns it, and what to do next?',
  description:
    `The body is what PoolMon, MemSnap, the debugger, Driver Verifier, Performance Monitor, Event 2004 or pooltag watch printed: one text or several files, up to ${LIMIT} in all. ` +
    'Formats are recognised by content. Nothing of the body is stored or logged. Where the address does not say, fields of the form of the same names do.',
  request: {
    query: leaksQuerySchema,
    body: {
      required: true,
      content: {
        'text/plain': { schema: { type: 'string', example: EXAMPLE } },
        'application/json': { schema: leaksBodySchema },
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: {
              file: {
                type: 'array',
                items: { type: 'string', format: 'binary' },
                description: 'Files, under any field name.',
              },
              text: { type: 'string', description: 'A pasted text.' },
              every: { type: 'string', example: '30m' },
            },
          },
        },
      },
    },
  },
  responses: {
    200: jsonResponse('What the snapshots say.', leakAnswerSchema),
    ...problemResponse(400, 'Nothing was recognised, or a parameter or the body is not what it must be.'),
    ...problemResponse(403, 'A page of another site sent it.'),
    ...problemResponse(413, `The body is larger than ${LIMIT}: the command takes files of any size.`),
    ...problemResponse(415, 'The body is no text, no JSON and no form.'),
    ...problemResponse(503, 'As many requests as the server can hold are being answered.'),
  },
  async handle(request, response, { catalogue }) {
    requireOwnOrigin(request);
    // Before 20 MB are read: who mistyped should not wait.
    readRequest(leaksQuerySchema, request.query, 'invalid-query');
    // A sixth of the program's code, which a start does not wait for.
    const [{ answerUpload }, { readUpload }] = await Promise.all([
      import('../leaks/answer-upload.ts'),
      import('../leaks/upload.ts'),
    ]);
    const answer = await answerUpload(await readUpload(request), request.query, catalogue);
    await compressResponse(request, response);
    response.setHeader('cache-control', 'no-store');
    response.json(answer);
  },
};
