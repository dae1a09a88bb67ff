/** The pages that answer: home, search, and the tag. */
import { Router } from 'express';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { TagAnswer } from '../answer-document.ts';
import { answerTag } from '../answers.ts';
import type { Catalogue } from '../catalogue.ts';
import { homePage } from '../page-models/home-page.ts';
import { loadedBlock } from '../page-models/loaded-block.ts';
import { liveResults, searchPage } from '../page-models/search-page.ts';
import type { TagDirectory } from '../page-models/tag-directory.ts';
import { type TagPageExtras, tagPage } from '../page-models/tag-page.ts';
import { unknownTagPage } from '../page-models/unknown-tag-page.ts';
import { problemOf } from '../problems.ts';
import { readingOf } from '../reading-answer.ts';
import { machineOfPage } from './machine-of-request.ts';
import { sendErrorPage } from './pages-errors.ts';
import { pageContext, sendPage } from './pages-request.ts';
import { archParameter, optionalParameter, pageParameter, textParameter } from './query-parameters.ts';

const HITS_PER_PAGE = 30;
/** As many as stand under the box on a small screen. */
const LIVE_HITS = 8;
/** They stand below those. */
const LIVE_READING = 3;
/** Tags of the same component that a tag's page names. */
const NEIGHBOURS = 24;

/** Routes of the pages that answer. */
export function createAnswerPages(catalogue: Catalogue, directory: () => TagDirectory): Router {
  const router = Router();
  const { index, knowledge } = catalogue;
  const guides = new Map(knowledge.guides.map(({ id, title }) => [id, title]));

  router.get('/', async (request, response) => {
    const loaded = loadedBlock(await catalogue.summary());
    sendPage(response, 'home', homePage(pageContext(request), knowledge, directory(), loaded));
  });

  router.get('/status', async (_request, response) => {
    sendPage(response, 'status', { loaded: loadedBlock(await catalogue.summary()) });
  });

  router.get('/search', async (request, response) => {
    const query = {
      q: textParameter(request, 'q'),
      driver: optionalParameter(request, 'driver'),
      vendor: optionalParameter(request, 'vendor'),
      component: optionalParameter(request, 'component'),
      source: optionalParameter(request, 'source'),
      arch: archParameter(request),
      page: pageParameter(request),
      pageSize: HITS_PER_PAGE,
    };
    const found = await index.search(query);
    const reading = readingOf(query, catalogue);
    sendPage(response, 'search', searchPage(pageContext(request), query, found, reading, catalogue));
  });

  router.get('/search/live', async (request, response) => {
    const q = textParameter(request, 'q');
    const query = { q, page: 1, pageSize: LIVE_HITS };
    const found = await index.search(query);
    const reading = readingOf(query, catalogue, LIVE_READING);
    sendPage(response, 'live-results', liveResults(q, found, reading, catalogue));
  });

  router.get('/tags', (_request, response) => response.redirect(301, '/browse'));

  router.get('/tags/:tag', async (request, response) => {
    const { tag } = request.params;
    const { machine, form } = machineOfPage(request, catalogue);
    const answer = await answerTag(tag, catalogue, machine);
    if ('code' in answer) {
      if (answer.search !== undefined) return response.redirect(302, answer.search.page);
      return sendErrorPage(request, response, problemOf(answer.code, answer.message), tag);
    }
    const context = pageContext(request);
    if (!answer.found) return sendPage(response, 'unknown-tag', unknownTagPage(context, answer, guides), 404);
    const extras: TagPageExtras = {
      guides,
      component: neighboursOf(answer, catalogue, directory()),
      page: pageParameter(request),
      machine: form,
      hasDrivers: hasDrivers(catalogue),
    };
    sendPage(response, 'tag', tagPage(context, answer, extras));
  });
  return router;
}

/** The component of the best owner that has one, with the tags around this one in byte order. */
function neighboursOf(
  { id, owners }: TagAnswer,
  catalogue: Catalogue,
  { byComponent }: TagDirectory,
): TagPageExtras['component'] {
  const componentId = owners.find(owner => owner.component !== null)?.component;
  const component = componentId == null ? undefined : catalogue.component(componentId);
  if (component === undefined) return null;
  const records = byComponent.get(component.id) ?? [];
  const here = records.findIndex(record => record.id === id);
  const start = Math.max(0, Math.min(here - NEIGHBOURS / 2, records.length - NEIGHBOURS - 1));
  return {
    id: component.id,
    title: component.title,
    total: records.length,
    tags: records
      .slice(start, start + NEIGHBOURS + 1)
      .filter(record => record.id !== id && !record.isPattern)
      .map(({ tag }) => tag as PoolTag),
  };
}

function hasDrivers(catalogue: Catalogue): boolean {
  return !catalogue.allDrivers()[Symbol.iterator]().next().done;
}
