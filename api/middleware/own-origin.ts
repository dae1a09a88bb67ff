/** Refuses what a page of another site makes a browser send: texts and forms are sent without asking first. */
import type { IncomingMessage } from 'node:http';
import { PooltagError } from '../pooltag-error.ts';

/** Throws `foreign-origin`. Programs that are no browser do not say where a request comes from, and are let through. */
export function requireOwnOrigin({ headers }: IncomingMessage): void {
  if (headers['sec-fetch-site'] !== 'cross-site') return;
  throw new PooltagError(
    'foreign-origin',
    'A page of another site sent this request. Open the page of this server, or ask from a program.',
  );
}
