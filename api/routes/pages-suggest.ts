/** The page that proposes free pool tags. */
import { Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { suggestPage } from '../page-models/suggest-page.ts';
import { PooltagError } from '../pooltag-error.ts';
import { problemOfError } from '../problems.ts';
import { suggestTags } from '../suggest-tags.ts';
import { pageContext, sendPage } from './pages-request.ts';
import { textParameter } from './query-parameters.ts';

const PROPOSALS_ON_PAGE = 8;

/** Routes of the page. */
export function createSuggestPage(catalogue: Catalogue): Router {
  const router = Router();
  router.get('/suggest', async (request, response) => {
    const name = textParameter(request, 'name');
    const context = pageContext(request);
    if (request.query.name === undefined) {
      return sendPage(response, 'suggest', suggestPage(context, { name, suggestions: null, problem: null }));
    }
    try {
      const suggestions = await suggestTags(name, PROPOSALS_ON_PAGE, catalogue);
      sendPage(response, 'suggest', suggestPage(context, { name, suggestions, problem: null }));
    } catch (error) {
      if (!(error instanceof PooltagError)) throw error;
      const { detail, status } = problemOfError(error);
      const model = suggestPage(context, { name, suggestions: null, problem: detail });
      sendPage(response, 'suggest', model, status);
    }
  });
  return router;
}
