/** The site over a sample catalogue, with the security headers it has in earnest, on a free port. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Catalogue } from '../../api/catalogue.ts';
import { securityHeaders } from '../../api/middleware/security-headers.ts';
import { createPages } from '../../api/routes/pages.ts';

export interface SampleSite {
  /** `http://127.0.0.1:41234`, without a slash at the end. */
  url: string;
  stop(): Promise<void>;
}

/** Starts the site on a port of its own. */
export async function startSampleSite(catalogue: Catalogue, port = 0): Promise<SampleSite> {
  const app = express();
  app.use(securityHeaders);
  app.use(createPages({ catalogue }));
  const server = createServer(app);
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
