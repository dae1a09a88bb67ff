/** `GET /drivers/{sha256}/explain/{tag}`: how a scan knows that a driver uses a tag. */
import { explanationSchema } from '../explanation-schema.ts';
import { readRequest } from '../read-request.ts';
import { explainParamsSchema } from '../schemas.ts';
import { jsonResponse, problemResponse } from './rest-responses.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

export const explainRoute: RestRoute = {
  method: 'get',
  path: '/drivers/{sha256}/explain/{tag}',
  operationId: 'explainTag',
  summary: 'How a scan knows that a driver uses a tag: the way of each constant, and the instructions.',
  description:
    "Read again from the driver's file when it is first asked for, within the limits of a scan. At most 12 sites, the strongest first; `moreSites` counts the others. A wildcard (`Sw1%3F`) is explained where the driver's answer has it: one character of the tag is computed. A tag with a real `?` is explained under its value (`0x3F317753`) and, where no wildcard is spelled so, under its text.",
  request: { params: explainParamsSchema },
  responses: {
    200: jsonResponse('The explanation.', explanationSchema),
    ...problemResponse(
      400,
      'Not a SHA-256, not a tag, or a pattern that the driver has no computed family for.',
    ),
    ...problemResponse(
      404,
      'No scanned driver has this SHA-256 or this tag, or its file is no longer there as it was.',
    ),
    ...problemResponse(422, 'The file could not be analysed within the limits.'),
    ...problemResponse(503, 'Too many explanations are being worked out.'),
  },
  async handle(request, response, context) {
    const { answerVersion } = context.catalogue;
    const { sha256, tag } = readRequest(explainParamsSchema, request.params, 'invalid-query');
    const explanation = await context.explanations.explain(sha256, tag);
    sendAnswer(request, response, context, answerVersion, explanation);
  },
};
