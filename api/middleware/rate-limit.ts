/** Limits the requests that one client may send in a minute. */
import type { RequestHandler } from 'express';
import { PooltagError } from '../pooltag-error.ts';
import { lazyHandler } from './lazy-handler.ts';

const WINDOW_MS = 60_000;

/** At most `perMinute` requests from one address; what is above gets a 429 problem with Retry-After. */
export function limitRate(perMinute: number): RequestHandler {
  return lazyHandler(async () => {
    const { rateLimit } = await import('express-rate-limit');
    return rateLimit({
      windowMs: WINDOW_MS,
      limit: perMinute,
      standardHeaders: 'draft-7',
      legacyHeaders: false,
      // They print to the console what any client can provoke with a header.
      validate: false,
      skip: ({ path }) => path === '/healthz' || path === '/readyz',
      handler: (_request, _response, next) => {
        const message = `More than ${perMinute} requests in a minute came from this address. Wait as long as Retry-After says, or ask for many tags at once with POST /api/v1/lookup.`;
        next(new PooltagError('too-many-requests', message));
      },
    });
  });
}
