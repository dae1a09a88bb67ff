/** The page that explains how a tag was found in a driver, and the same as a part of the driver's page. */
import { Router } from 'express';
import type { DriverExplanations } from '../driver-explanations.ts';
import { explanationFold, explanationPage } from '../page-models/explanation-page.ts';
import { PooltagError } from '../pooltag-error.ts';
import { problemOfError } from '../problems.ts';
import { sendErrorPage } from './pages-errors.ts';
import { pageContext, sendPage } from './pages-request.ts';

/** Routes of explanations. */
export function createExplanationPages(explanations: DriverExplanations): Router {
  const router = Router();

  router.get('/drivers/:sha256/explain/:tag', async (request, response) => {
    const { sha256, tag } = request.params;
    try {
      const explanation = await explanations.explain(sha256.toLowerCase(), tag);
      sendPage(response, 'explanation', explanationPage(pageContext(request), explanation));
    } catch (error) {
      if (!(error instanceof PooltagError)) throw error;
      sendErrorPage(request, response, problemOfError(error));
    }
  });

  // What the script puts into the fold: where there is no explanation, the sentence that says why.
  router.get('/drivers/:sha256/explain/:tag/fold', async (request, response) => {
    const { sha256, tag } = request.params;
    try {
      const explanation = await explanations.explain(sha256.toLowerCase(), tag);
      sendPage(response, 'explanation-fold', { explanation: explanationFold(explanation), problem: null });
    } catch (error) {
      if (!(error instanceof PooltagError)) throw error;
      const { detail, status } = problemOfError(error);
      sendPage(response, 'explanation-fold', { problem: detail, explanation: null }, status);
    }
  });
  return router;
}
