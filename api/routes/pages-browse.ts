/** The pages for looking around: first characters, components, drivers. */
import { Router } from 'express';
import type { PoolTag } from '../../data/pool-tag.ts';
import { ownersOf } from '../answer-owners.ts';
import { ownerPhrase } from '../answer-summary.ts';
import type { Catalogue } from '../catalogue.ts';
import { browsePage, componentPage, componentsPage } from '../page-models/browse-pages.ts';
import {
  driverPage,
  driversPage,
  type ListedAs,
  shownSightings,
  TAGS_PER_PAGE,
} from '../page-models/driver-pages.ts';
import { loadedBlock } from '../page-models/loaded-block.ts';
import type { TagDirectory } from '../page-models/tag-directory.ts';
import { problemOf } from '../problems.ts';

import { sendErrorPage } from './pages-errors.ts';
import {
  archParameter,
  optionalParameter,
  pageContext,
  pageParameter,
  sendPage,
  textParameter,
} from './pages-request.ts';

const DRIVERS_PER_PAGE = 100;

/** Routes of the pages for looking around. */
export function createBrowsePages(catalogue: Catalogue, directory: () => TagDirectory): Router {
  const router = Router();

  router.get('/browse', (request, response) => {
    // One character, one byte: what does not fit begins no tag, and its page says so.
    const prefix = textParameter(request, 'prefix').slice(0, 4);
    const place = { prefix, page: pageParameter(request) };
    sendPage(response, 'browse', browsePage(pageContext(request), place, directory(), catalogue));
  });

  router.get('/components', (request, response) => {
    const { components } = catalogue.knowledge;
    sendPage(response, 'components', componentsPage(pageContext(request), components, directory()));
  });

  router.get('/components/:id', (request, response, next) => {
    const component = catalogue.component(request.params.id);
    if (component === undefined) return next();
    const model = componentPage(
      pageContext(request),
      component,
      pageParameter(request),
      directory(),
      catalogue,
    );
    sendPage(response, 'component', model);
  });

  router.get('/drivers', async (request, response) => {
    const query = {
      q: textParameter(request, 'q'),
      vendor: optionalParameter(request, 'vendor'),
      arch: archParameter(request),
      page: pageParameter(request),
      pageSize: DRIVERS_PER_PAGE,
    };
    const summary = await catalogue.summary();
    const model = driversPage(pageContext(request), query, catalogue.drivers(query), {
      loaded: loadedBlock(summary),
      refused: catalogue.refused,
      hasDrivers: summary.drivers > 0,
    });
    sendPage(response, 'drivers', model);
  });

  router.get('/drivers/:sha256', async (request, response) => {
    const driver = catalogue.driver(request.params.sha256.toLowerCase());
    if (driver === undefined) {
      const detail = 'No scanned driver has this SHA-256. Start Pooltag with the folder that holds the file.';
      return sendErrorPage(request, response, problemOf('unknown-driver', detail));
    }
    const page = pageParameter(request);
    const tags = shownSightings(driver)
      .slice((page - 1) * TAGS_PER_PAGE, page * TAGS_PER_PAGE)
      .map(({ tag }) => tag);
    const model = driverPage(pageContext(request), driver, page, await listedAs(tags, catalogue));
    sendPage(response, 'driver', model);
  });
  return router;
}

/** Who owns these tags according to the lists; a tag that no list knows is not in the answer. */
async function listedAs(tags: readonly PoolTag[], catalogue: Catalogue): Promise<ListedAs> {
  const [records, covering] = await Promise.all([
    catalogue.index.findMany(tags),
    Promise.all(tags.map(tag => catalogue.index.covering(tag))),
  ]);
  const listed = new Map<PoolTag, string>();
  for (const [i, tag] of tags.entries()) {
    const owners = ownersOf(records[i], covering[i]);
    const written = owners.find(({ strength }) => strength === 'written');
    if (written === undefined) continue;
    const owner = ownerPhrase(written, id => catalogue.component(id));
    listed.set(tag, written.matched === undefined ? owner : `${owner}, by ${written.matched}`);
  }
  return listed;
}
