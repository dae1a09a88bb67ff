/** PooltagError: the one error class of the program; its code has a row in failures.ts. */
import type { FailureCode } from './failures.ts';

/** A failure that a person should read: `message` says what was given, what was expected and what to do. */
export class PooltagError extends Error {
  override name = 'PooltagError';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
