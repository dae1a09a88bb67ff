/** The pages to read: known leaks, guides, the REST interface, problems. */
import { Router } from 'express';
import { answerArticle, answerArticles } from '../article-answer.ts';
import type { Catalogue } from '../catalogue.ts';
import { FAILURES } from '../failures.ts';
import { apiPage } from '../page-models/api-page.ts';
import { articlePage, articlesPage, guidePage, guidesPage } from '../page-models/knowledge-pages.ts';
import { problemPage, problemsPage } from '../page-models/problem-pages.ts';
import { problemOf } from '../problems.ts';
import { machineOfPage } from './machine-of-request.ts';
import { sendErrorPage } from './pages-errors.ts';
import { originOf, pageContext, sendPage } from './pages-request.ts';
import { textParameter } from './query-parameters.ts';

/** Routes of the pages to read. */
export function createKnowledgePages(catalogue: Catalogue): Router {
  const router = Router();
  const { articles, guides, windows } = catalogue.knowledge;
  const articleTitles = new Map(articles.map(({ id, title }) => [id, title]));

  router.get('/articles', (request, response) => {
    const { machine, form } = machineOfPage(request, catalogue);
    const answers = answerArticles(articles, machine, catalogue);
    const model = articlesPage(pageContext(request), answers, { q: textParameter(request, 'q'), form });
    sendPage(response, 'articles', model);
  });

  router.get('/articles/:id', (request, response, next) => {
    const article = articles.find(({ id }) => id === request.params.id);
    if (article === undefined) return next();
    const { machine, form } = machineOfPage(request, catalogue);
    const answer = answerArticle(article, machine, catalogue);
    const extras = { titles: articleTitles, form, releases: windows };
    sendPage(response, 'article', articlePage(pageContext(request), answer, extras));
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
