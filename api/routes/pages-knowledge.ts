/** The pages to read: known leaks, guides, the REST interface, problems. */
import { Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { FAILURES } from '../failures.ts';
import { apiPage } from '../page-models/api-page.ts';
import { articlePage, articlesPage, guidePage, guidesPage } from '../page-models/knowledge-pages.ts';
import { problemPage, problemsPage } from '../page-models/problem-pages.ts';
import { problemOf } from '../problems.ts';
import { sendErrorPage } from './pages-errors.ts';
import { originOf, pageContext, sendPage, textParameter } from './pages-request.ts';

/** Routes of the pages to read. */
export function createKnowledgePages(catalogue: Catalogue): Router {
  const router = Router();
  const { articles, guides } = catalogue.knowledge;
  const articleTitles = new Map(articles.map(({ id, title }) => [id, title]));

  router.get('/articles', (request, response) => {
    const model = articlesPage(pageContext(request), articles, textParameter(request, 'q'));
    sendPage(response, 'articles', model);
  });

  router.get('/articles/:id', (request, response, next) => {
    const article = articles.find(({ id }) => id === request.params.id);
    if (article === undefined) return next();
    sendPage(response, 'article', articlePage(pageContext(request), article, articleTitles));
  });

  router.get('/guides', (request, response) => {
    sendPage(response, 'guides', guidesPage(pageContext(request), guides));
  });

  router.get('/guides/:id', (request, response, next) => {
    const guide = guides.find(({ id }) => id === request.params.id);
    if (guide === undefined) return next();
    sendPage(response, 'guide', guidePage(pageContext(request), guide));
  });

  router.get('/api', (request, response) => {
    sendPage(response, 'api', apiPage(pageContext(request), originOf(request)));
  });

  router.get('/problems', (request, response) => {
    sendPage(response, 'problems', problemsPage(pageContext(request)));
  });

  router.get('/problems/:code', (request, response) => {
    const { code } = request.params;
    const failure = FAILURES.get(code);
    if (failure === undefined) return sendErrorPage(request, response, problemOf('unknown-problem'));
    sendPage(response, 'problem', problemPage(pageContext(request), code, failure));
  });
  return router;
}
