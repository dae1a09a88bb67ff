/** The whole app, with made-up answers at `/made-up/{name}` beside its own pages, so that a page can show everything. */
import { Router } from 'express';
import type { Catalogue } from '../../api/catalogue.ts';
import type { LeakAnswer } from '../../api/leaks/leak-answer.ts';
import { EMPTY_FIELDS } from '../../api/page-models/leaks-form.ts';
import { leaksResultPage } from '../../api/page-models/leaks-page.ts';
import { createPages } from '../../api/routes/pages.ts';
import { pageContext, sendPage } from '../../api/routes/pages-request.ts';
import { type RunningServer, startServer } from '../../api/server.ts';
import { HOSTILE_TEXT, hugeLeaks, oneSnapshot, sampleLeaks } from './sample-leaks.ts';

export const MADE_UP: ReadonlyMap<string, LeakAnswer> = new Map([
  ['a-day', sampleLeaks()],
  ['one-snapshot', oneSnapshot()],
  ['everything', hugeLeaks()],
  ['nothing', { ...oneSnapshot(), headline: 'Nothing leaks.', suspects: [], nextSteps: [], tags: [] }],
]);

/** Starts it on a free port. */
export function startLeaksSite(catalogue: Catalogue): Promise<RunningServer> {
  const guides = new Map(catalogue.knowledge.guides.map(({ id, title }) => [id, title]));
  const extras = { guides, fields: { ...EMPTY_FIELDS, text: HOSTILE_TEXT }, files: [HOSTILE_TEXT] };
  const pages = Router();
  pages.get('/made-up/:name', (request, response) => {
    const answer = MADE_UP.get(request.params.name)!;
    sendPage(response, 'leaks-result', leaksResultPage(pageContext(request), answer, extras));
  });
  pages.use(createPages({ catalogue }));
  return startServer({ host: '127.0.0.1', port: 0, catalogue, pages });
}
