/** Checks what a request gives against its schema, and says in one sentence what is wrong. */
import type { z } from 'zod';
import type { FailureCode } from './failures.ts';
import { PooltagError } from './pooltag-error.ts';

/** How much of a wrong value a message repeats. */
const MAX_SHOWN_CHARACTERS = 60;

/**
 * The value as the schema makes it. Throws a {@link PooltagError} with `code` for the first thing that is wrong. `form`
 * is what a body must look like.
 */
export function readRequest<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  code: FailureCode,
  form = '{"tags": [...]}',
): z.output<Schema> {
  const read = schema.safeParse(given);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new PooltagError(code, `${where(issue.path)} ${wrong(issue, given, form)}`);
}

function where(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'The body';
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

function wrong(issue: z.core.$ZodIssue, given: unknown, form: string): string {
  if (issue.code === 'unrecognized_keys') {
    return `has fields that are not known here: ${shown(issue.keys.join(', '))}. It must be of the form ${form}.`;
  }
  const value = issue.path.reduce<unknown>(
    (part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key],
    given,
  );
  return `is ${value === undefined ? 'missing' : shown(value)}, but it must be ${issue.message}.`;
}

/** The value as JSON, cut to what a sentence can hold. */
function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > 2) return `a list of ${value.length}`;
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}
