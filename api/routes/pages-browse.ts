/** The pages for looking around: first characters, components, drivers. */
import { Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { answerDriver } from '../driver-answer.ts';
import { browsePage, componentPage, componentsPage } from '../page-models/browse-pages.ts';
import { driverPage, driversPage } from '../page-models/driver-pages.ts';
import { loadedBlock } from '../page-models/loaded-block.ts';
import type { TagDirectory } from '../page-models/tag-directory.ts';
import { problemOf } from '../problems.ts';

import { sendErrorPage } from './pages-errors.ts';
import { pageContext, sendPage } from './pages-request.ts';
import { archParameter, optionalParameter, pageParameter, textParameter } from './query-parameters.ts';

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
    const answer = await answerDriver(driver, catalogue);
    const model = driverPage(
      pageContext(request),
      answer,
      pageParameter(request),
      catalogue.fileOf(driver.driver.sha256) !== undefined,
    );
    sendPage(response, 'driver', model);
  });
  return router;
}
