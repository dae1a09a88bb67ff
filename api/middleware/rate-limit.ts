/** Limits the requests that one client may send in a minute. */
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { problemOf } from '../problems.ts';
import { sendProblem } from '../send-problem.ts';

const WINDOW_MS = 60_000;

/** At most `perMinute` requests from one address; what is above gets a 429 problem with Retry-After. */
export function limitRate(perMinute: number): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    handler: (request, response) => {
      const detail = `More than ${perMinute} requests in a minute came from this address. Wait as long as Retry-After says, or ask for many tags at once with POST /api/v1/lookup.`;
      sendProblem(request, response, problemOf('too-many-requests', detail));
    },
  });
}
