/** Sends a problem document, with the headers that its status asks for. */
import type { Request, Response } from 'express';
import type { Problem } from './problems.ts';

/** One explanation takes about a second, and so does the largest upload. */
const RETRY_SECONDS = 5;
const BUSY = new Set(['explanations-busy', 'leaks-busy']);

/** Answers with a problem (`application/problem+json`); `instance` is the address that was asked. */
export function sendProblem(request: Request, response: Response, problem: Problem): void {
  const { type, title, status, detail, code, ...more } = problem;
  const instance = problem.instance ?? request.originalUrl;
  const body = Buffer.from(JSON.stringify({ type, title, status, detail, code, instance, ...more }));
  response.statusCode = problem.status;
  response.setHeader('content-type', 'application/problem+json; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  if (BUSY.has(code)) response.setHeader('retry-after', RETRY_SECONDS);
  response.setHeader('content-length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}
