/** `GET /healthz` and `GET /readyz`: for whoever keeps the process running. */
import { Router } from 'express';
import type { Catalogue } from '../catalogue.ts';
import { PooltagError } from '../pooltag-error.ts';

/** An index that takes longer than this to read or count its records does not answer readers either. */
const READY_TIMEOUT_MS = 2_000;

/** `healthz`: the process lives. `readyz`: the index answers look-ups and searches, else 503. */
export function createHealthRoutes(catalogue: Catalogue): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.set('cache-control', 'no-store').json({ status: 'alive' });
  });
  router.get('/readyz', async (_request, response) => {
    const { index } = catalogue;
    const tags = await withTimeout(index.prepare().then(() => index.count()));
    response.set('cache-control', 'no-store').json({ status: 'ready', index: index.kind, tags });
  });
  return router;
}

async function withTimeout(count: Promise<number>): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new PooltagError(
            'index-unavailable',
            `The index did not answer within ${READY_TIMEOUT_MS / 1000} seconds.`,
          ),
        ),
      READY_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([count, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
