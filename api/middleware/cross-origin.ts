/** Lets pages of other origins read the REST interface (GET and HEAD), and nothing more. */
import type { RequestHandler } from 'express';

/** On every answer of the REST interface: it holds no secret of a reader, and takes no cookie. */
export const CORS_HEADERS = [
  ['access-control-allow-origin', '*'],
  ['access-control-expose-headers', 'ETag, Retry-After'],
] as const;

/** A day: what is allowed does not depend on the request. */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400;

/** Sets the CORS headers, and answers a preflight. */
export const crossOrigin: RequestHandler = (request, response, next) => {
  for (const [name, value] of CORS_HEADERS) response.setHeader(name, value);
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
    next();
    return;
  }
  response.setHeader('access-control-allow-methods', 'GET, HEAD');
  response.setHeader('access-control-allow-headers', 'Accept, If-None-Match');
  response.setHeader('access-control-max-age', String(PREFLIGHT_MAX_AGE_SECONDS));
  response.statusCode = 204;
  response.end();
};
