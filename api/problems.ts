/** Problem documents (RFC 9457): what a failure looks like in JSON. */
import { STATUS_CODES } from 'node:http';
import { type FailureCode, failureOf, isFailureCode } from './failures.ts';
import { PooltagError } from './pooltag-error.ts';

/** An `application/problem+json` document; more fields where they help (`suggestions`, `allow`, `links`). */
export interface Problem {
  /** `/problems/{code}`: a page that explains it. */
  type: string;
  title: string;
  status: number;
  /** What was given, what was expected, what to do. */
  detail: string;
  code: FailureCode;
  /** The address that was asked, where there is one. */
  instance?: string;
  [extension: string]: unknown;
}

/** The problem document of a code. `detail` is about this very request; without it the general explanation stands. */
export function problemOf(
  code: FailureCode,
  detail?: string,
  extensions: Record<string, unknown> = {},
): Problem {
  const failure = failureOf(code);
  return {
    type: `/problems/${code}`,
    title: failure.title,
    status: failure.status ?? 500,
    detail: detail ?? failure.explanation,
    code,
    ...extensions,
  };
}

/** Body-parser's and Express's own errors, by their `type`. */
const HTTP_ERROR_CODES = new Map<string, FailureCode>([
  ['entity.parse.failed', 'invalid-json'],
  ['entity.verify.failed', 'invalid-json'],
  ['entity.too.large', 'body-too-large'],
  ['encoding.unsupported', 'unsupported-media-type'],
  ['charset.unsupported', 'unsupported-media-type'],
  ['request.size.invalid', 'invalid-body'],
  ['request.aborted', 'invalid-body'],
]);

/** The problem that an error stands for. Unforeseen ones become `internal-error`, and say nothing of their insides. */
export function problemOfError(error: unknown): Problem {
  if (error instanceof PooltagError) return problemOf(error.code, error.message);
  const { code, type, status } = (error ?? {}) as { code?: unknown; type?: unknown; status?: unknown };
  const httpCode = typeof type === 'string' ? HTTP_ERROR_CODES.get(type) : undefined;
  if (httpCode !== undefined) return problemOf(httpCode);
  if (error instanceof URIError) return problemOf('malformed-url');
  if (isFailureCode(code)) return problemOf(code);
  // A client error that a library found (a broken gzip body, for example): its status holds, its words may not.
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { ...problemOf('invalid-body', STATUS_CODES[status]), status };
  }
  return problemOf('internal-error');
}
