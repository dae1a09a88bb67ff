/** RestRoute: one operation of the REST interface, its description and its handler side by side. */
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import type { Request, Response } from 'express';
import type { AnswerCache } from '../answer-cache.ts';
import type { Catalogue } from '../catalogue.ts';
import type { DriverExplanations } from '../driver-explanations.ts';
import { CORS_HEADERS } from '../middleware/cross-origin.ts';
import { SECURITY_HEADERS } from '../middleware/security-headers.ts';
import { type AnswerHead, PreparedAnswer } from '../prepared-answer.ts';

/** What handlers work with. */
export interface RestContext {
  catalogue: Catalogue;
  cache: AnswerCache;
  explanations: DriverExplanations;
}

/** One operation. `path` begins below the version, with parameters in braces as OpenAPI writes them. */
export interface RestRoute extends Omit<RouteConfig, 'method'> {
  method: 'get' | 'post';
  operationId: string;
  summary: string;
  handle(request: Request, response: Response, context: RestContext): Promise<void> | void;
}

/** JSON that is asked for again each time, which costs a 304 where nothing changed: what is known grows while a scan runs. */
const JSON_HEAD: AnswerHead = {
  contentType: 'application/json; charset=utf-8',
  cacheControl: 'no-cache',
  headers: [...SECURITY_HEADERS, ...CORS_HEADERS],
};

/**
 * Sends a document as JSON, and keeps it for those who ask the same while the catalogue stays as it is. `version` is
 * the catalogue's `answerVersion` from before the document was made: one made while something changed must not pass
 * for a newer one.
 */
export function sendAnswer(
  request: Request,
  response: Response,
  { cache }: RestContext,
  version: number,
  document: object,
): void {
  const answer = new PreparedAnswer(Buffer.from(JSON.stringify(document)), JSON_HEAD);
  cache.set(request.originalUrl, version, answer);
  answer.send(request, response);
}
