/** The REST interface, version 1: every operation with its 405 for the methods it has not. */
import { Router } from 'express';
import { PooltagError } from '../pooltag-error.ts';
import { articleRoute, articlesRoute } from './rest-articles.ts';
import { driverRoute, driversRoute } from './rest-drivers.ts';
import { explainRoute } from './rest-explain.ts';
import { exportRoute } from './rest-export.ts';
import { componentRoute, componentsRoute, guideRoute, guidesRoute } from './rest-knowledge.ts';
import { leaksRoute } from './rest-leaks.ts';
import { lookupRoute } from './rest-lookup.ts';
import { openApiRoute } from './rest-openapi.ts';
import type { RestContext, RestRoute } from './rest-route.ts';
import { searchRoute } from './rest-search.ts';
import { statusRoute } from './rest-status.ts';
import { suggestRoute } from './rest-suggest.ts';
import { tagRoute } from './rest-tags.ts';

const described = [
  tagRoute,
  searchRoute,
  lookupRoute,
  leaksRoute,
  driversRoute,
  driverRoute,
  explainRoute,
  articlesRoute,
  articleRoute,
  componentsRoute,
  componentRoute,
  guidesRoute,
  guideRoute,
  exportRoute,
  suggestRoute,
  statusRoute,
];

/** Every operation, the description of them among them. */
export const REST_ROUTES: readonly RestRoute[] = [...described, openApiRoute(described)];

/** The router to mount at the version's address. */
export function createRestRouter(context: RestContext): Router {
  const router = Router({ caseSensitive: true });
  for (const route of REST_ROUTES) {
    const methods = route.method === 'get' ? 'GET, HEAD' : 'POST';
    const handled = router.route(route.path.replace(/\{(\w+)\}/g, ':$1'));
    handled[route.method]((request, response) => route.handle(request, response, context));
    handled.all((request, response) => {
      response.setHeader('allow', `${methods}, OPTIONS`);
      if (request.method === 'OPTIONS') {
        response.status(204).end();
        return;
      }
      const message = `${request.method} is not possible here; ${methods} is.`;
      throw new PooltagError('method-not-allowed', message);
    });
  }
  return router;
}
