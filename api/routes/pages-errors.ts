/** Errors as pages, for readers; programs get the problem documents of the REST interface. */
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { errorPage } from '../page-models/problem-pages.ts';
import { type Problem, problemOf, problemOfError } from '../problems.ts';
import { pageContext, sendPage } from './pages-request.ts';

/** Sends a problem as a page. `asked` is what the reader typed, where a search may find it. */
export function sendErrorPage(request: Request, response: Response, problem: Problem, asked = ''): void {
  sendPage(response, 'error', errorPage(pageContext(request), problem, asked), problem.status);
}

/** The last route: an address that does not exist. */
export const pageNotFound: RequestHandler = (request, response, next) => {
  if (!isReader(request)) return next();
  const last = lastSegment(request.path);
  sendErrorPage(
    request,
    response,
    problemOf('unknown-route', 'There is no page at this address. It may have been mistyped.'),
    last,
  );
};

/**
 * Turns an error into a page for whoever reads in a browser. The error stays on the response as `err`, where the access
 * log finds it.
 */
export const pageError: ErrorRequestHandler = (error, request, response, next) => {
  if (response.headersSent || !isReader(request)) return next(error);
  const problem = problemOfError(error);
  if (problem.status >= 500) Object.assign(response, { err: error });
  sendErrorPage(request, response, problem);
};

/** Whether a browser asks: only they name HTML. REST answers everybody in its own way. */
function isReader(request: Request): boolean {
  return !/^\/api\/./.test(request.originalUrl) && /\btext\/html\b/.test(request.get('accept') ?? '');
}

function lastSegment(path: string): string {
  try {
    return decodeURIComponent(path.split('/').at(-1) ?? '').slice(0, 60);
  } catch {
    return '';
  }
}
