/** The end of the line: addresses that do not exist, and every error, as problem documents. */
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { PooltagError } from '../pooltag-error.ts';
import { problemOfError } from '../problems.ts';
import { sendProblem } from '../send-problem.ts';
import { CORS_HEADERS } from './cross-origin.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

/** Nothing answered. */
export const nothingHere: RequestHandler = (request, _response, next) => {
  const path = request.originalUrl.slice(0, 200);
  next(
    new PooltagError(
      'unknown-route',
      `There is nothing at ${path}. The REST interface is described at /api/v1/openapi.json.`,
    ),
  );
};

/** Turns errors into problem documents. Faults of ours are logged; what they say inside stays inside. */
export function answerErrors(logger: Logger): ErrorRequestHandler {
  return (error, request, response, next) => {
    const problem = problemOfError(error);
    if (problem.status >= 500) logger.error({ err: error, url: request.originalUrl }, problem.title);
    if (response.headersSent) {
      // Express cuts the connection, so that nobody takes half an answer for a whole one.
      next(error);
      return;
    }
    const isRest = request.originalUrl.startsWith('/api/');
    const headers = isRest ? [...SECURITY_HEADERS, ...CORS_HEADERS] : SECURITY_HEADERS;
    for (const [name, value] of headers) response.setHeader(name, value);
    for (const name of ['etag', 'content-disposition', 'content-encoding']) response.removeHeader(name);
    sendProblem(request, response, problem);
  };
}
