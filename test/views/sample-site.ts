/** The whole app over a sample catalogue, on a free port. */
import type { Catalogue } from '../../api/catalogue.ts';
import { createPages } from '../../api/routes/pages.ts';
import { type RunningServer, startServer } from '../../api/server.ts';

/** Starts it; its `url` has no slash at the end. */
export function startSampleSite(catalogue: Catalogue, port = 0): Promise<RunningServer> {
  return startServer({ host: '127.0.0.1', port, catalogue, pages: createPages({ catalogue }) });
}
