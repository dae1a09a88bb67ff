/** Answers again what was answered before, ahead of everything that finds and makes answers. */
import type { RequestHandler } from 'express';
import type { AnswerCache } from '../answer-cache.ts';
import type { Catalogue } from '../catalogue.ts';

/** Sends a kept answer for the very same address, if the catalogue has not changed since it was made. */
export function sendCachedAnswers(cache: AnswerCache, catalogue: Catalogue): RequestHandler {
  return (request, response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') {
      const answer = cache.get(request.url, catalogue.answerVersion);
      if (answer !== undefined) {
        answer.send(request, response);
        return;
      }
    }
    next();
  };
}
