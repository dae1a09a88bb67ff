/** The pages: every address that a reader sees. */
import { Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { DriverExplanations } from '../driver-explanations.ts';
import { tagDirectoryOf } from '../page-models/tag-directory.ts';
import { createAnswerPages } from './pages-answers.ts';
import { createAssetRoutes } from './pages-assets.ts';
import { createBrowsePages } from './pages-browse.ts';
import { pageNotFound } from './pages-errors.ts';
import { createExplanationPages } from './pages-explain.ts';
import { createKnowledgePages } from './pages-knowledge.ts';
import { createLeaksPage } from './pages-leaks.ts';
import { createSuggestPage } from './pages-suggest.ts';

/** What the pages are made from. */
export interface PagesOptions {
  catalogue: Catalogue;
  /** How tags of drivers are explained; without it, from the files that the catalogue names. */
  explanations?: DriverExplanations;
}

/**
 * The router of the pages, to be mounted at the root after everything else: it answers readers whatever they ask, and
 * passes on what programs ask (by their Accept header) and it does not have. Errors are for `pageError`, further down.
 */
export function createPages({
  catalogue,
  explanations = new DriverExplanations(catalogue),
}: PagesOptions): Router {
  const directory = tagDirectoryOf(catalogue);
  const router = Router();
  router.use(
    createAssetRoutes(),
    createAnswerPages(catalogue, directory),
    createBrowsePages(catalogue, directory),
    createExplanationPages(explanations),
    createKnowledgePages(catalogue),
    createLeaksPage(catalogue),
    createSuggestPage(catalogue),
  );
  router.use(pageNotFound);
  return router;
}
