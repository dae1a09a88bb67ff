/** `GET /openapi.json`: the description of this interface. */
import { openApiDocument } from '../openapi.ts';
import { type RestRoute, sendAnswer } from './rest-route.ts';

/** The route that describes all routes, itself among them. */
export function openApiRoute(others: readonly RestRoute[]): RestRoute {
  // Made when first asked for: a start need not wait for it.
  let document: object | undefined;
  const route: RestRoute = {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    summary: 'This description.',
    responses: {
      200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    },
    handle(request, response, context) {
      document ??= openApiDocument([...others, route]);
      sendAnswer(request, response, context, context.catalogue.answerVersion, document);
    },
  };
  return route;
}
