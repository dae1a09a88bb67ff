/** `GET /problems/{code}` as JSON, for programs; readers get the page. */
import { Router } from 'express';
import { FAILURES } from '../failures.ts';
import { PooltagError } from '../pooltag-error.ts';

/** What each error code means. Leaves browsers to the pages, where there are any. */
export function createProblemRoutes(hasPages: boolean): Router {
  const router = Router();
  router.get('/problems/:code', (request, response, next) => {
    response.vary('Accept');
    if (hasPages && request.accepts(['html', 'json']) === 'html') {
      next();
      return;
    }
    const { code } = request.params;
    const failure = FAILURES.get(code);
    if (failure === undefined) throw new PooltagError('unknown-problem', 'There is no such error code.');
    const { title, status, exitCode, explanation } = failure;
    response.json({ type: `/problems/${code}`, code, title, status, exitCode, explanation });
  });
  return router;
}
