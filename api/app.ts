/** Puts the Express app together: what every request passes, REST, pages, and the problems at the end. */
import compression from 'compression';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { type Logger, pino } from 'pino';
import { AnswerCache } from './answer-cache.ts';
import { API_BASE } from './answer-links.ts';
import type { Catalogue } from './catalogue.ts';
import { DriverExplanations } from './driver-explanations.ts';
import { logRequests } from './middleware/access-log.ts';
import { sendCachedAnswers } from './middleware/cached-answers.ts';
import { crossOrigin } from './middleware/cross-origin.ts';
import { readPercentEncoding } from './middleware/percent-encoding.ts';
import { answerErrors, nothingHere } from './middleware/problem-answers.ts';
import { limitRate } from './middleware/rate-limit.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { createHealthRoutes } from './routes/health.ts';
import { createProblemRoutes } from './routes/problem-documents.ts';
import { createRestRouter } from './routes/rest.ts';
import type { Settings } from './settings.ts';

export interface AppOptions {
  catalogue: Catalogue;
  /** How tags of drivers are explained; without it, from the files that the catalogue names. */
  explanations?: DriverExplanations;
  /** What readers see; without it the app is REST alone. */
  pages?: RequestHandler;
  /** Requests per minute and client; 0 or nothing for no limit. */
  rateLimit?: Settings['rateLimit'];
  trustProxy?: Settings['trustProxy'];
  /** Where requests and faults are logged; nowhere without it. */
  logger?: Logger;
}

/** The app, ready to listen. */
export function createApp({
  catalogue,
  explanations = new DriverExplanations(catalogue),
  pages,
  rateLimit = 0,
  trustProxy = false,
  logger,
}: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustProxy);
  app.set('query parser', 'simple');
  const cache = new AnswerCache();
  if (logger?.isLevelEnabled('error')) app.use(logRequests(logger));
  if (rateLimit > 0) app.use(limitRate(rateLimit));
  app.use(sendCachedAnswers(cache, catalogue));
  app.use(securityHeaders);
  app.use(createHealthRoutes(catalogue));
  app.use('/api', crossOrigin);
  app.use(readPercentEncoding);
  app.use(API_BASE, createRestRouter({ catalogue, cache, explanations }));
  // `/api` itself is a page; what lies below it is REST's alone.
  app.use(/^\/api\/./, nothingHere);
  app.use(createProblemRoutes(pages !== undefined));
  if (pages !== undefined) app.use(compression(), pages);
  app.use(nothingHere);
  if (pages !== undefined) app.use(pageError);
  app.use(answerErrors(logger ?? pino({ level: 'silent' })));
  return app;
}

/** An error as a page. Most servers never show one, and a start does not wait for it. */
const pageError: ErrorRequestHandler = async (error, request, response, next) => {
  const { pageError } = await import('./routes/pages-errors.ts');
  pageError(error, request, response, next);
};
