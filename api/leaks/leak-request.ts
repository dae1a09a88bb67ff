/** What a request for an answer on leaks may ask: the query of `POST /leaks`, and what a text or form may hold beside it. */
import { z } from 'zod';
import type { WindowsRelease } from '../../data/windows-builds.ts';
import type { Machine } from '../leak-applies.ts';
import { QUERY_NAMES, readMachine } from '../machine.ts';
import { machineQuerySchema } from '../schemas.ts';
import { type LeakView, readPool, readSort, SORT_FORM, SORT_NAMES } from './leak-view.ts';
import { DURATION_FORM, readDuration } from './read-duration.ts';
import { MAX_FILTER_CHARACTERS, MAX_FILTERS } from './tag-filter.ts';

/** What one request may bring: twenty hours of PoolMon, a snapshot each quarter of an hour. */
export const MAX_UPLOAD_BYTES = 20 * 1024 * 1024;
/** Tags that are listed where nobody says. */
const DEFAULT_TOP = 100;
/** More tags than a large server has; each brings its points. */
const MAX_TOP = 5_000;

const absentIfEmpty = (value: unknown) => (value === '' ? undefined : value);

const filters = (description: string) =>
  z
    .preprocess(
      value => (value === undefined || value === '' ? [] : Array.isArray(value) ? value : [value]),
      z
        .array(
          z
            .string({ error: 'a text' })
            .min(1, { error: 'a pattern such as Ntf* or Io??' })
            .max(MAX_FILTER_CHARACTERS, { error: `at most ${MAX_FILTER_CHARACTERS} characters long` }),
        )
        .max(MAX_FILTERS, { error: `given at most ${MAX_FILTERS} times` }),
    )
    .openapi({ description, example: ['Ntf*'] });

/** The query of `POST /leaks`. */
export const leaksQuerySchema = z.object({
  every: z
    .preprocess(
      absentIfEmpty,
      z
        .string({ error: 'given once' })
        .transform((text, context) => {
          const ms = readDuration(text);
          if (ms !== undefined) return ms;
          context.addIssue({ code: 'custom', message: DURATION_FORM });
          return z.NEVER;
        })
        .optional(),
    )
    .openapi({
      type: 'string',
      description:
        'How far apart the snapshots were taken, where the text does not tell: `30s`, `5m`, `2h`, `1d`.',
      example: '30m',
    }),
  pool: z
    .preprocess(
      absentIfEmpty,
      z
        .string({ error: 'given once' })
        .transform((text, context) => {
          const pool = readPool(text);
          if (pool !== undefined) return pool;
          context.addIssue({ code: 'custom', message: 'nonp or paged' });
          return z.NEVER;
        })
        .optional(),
    )
    .openapi({ type: 'string', enum: ['nonp', 'paged'], description: 'One pool alone.' }),
  include: filters(
    'Only tags like this: `?` is one character, `*` any number, letter case matters; may be repeated.',
  ),
  exclude: filters('No tags like this; may be repeated.'),
  sort: z
    .preprocess(
      absentIfEmpty,
      z
        .string({ error: 'given once' })
        .default('suspicion')
        .transform((text, context) => {
          const sort = readSort(text);
          if (sort !== undefined) return sort;
          context.addIssue({ code: 'custom', message: SORT_FORM });
          return z.NEVER;
        }),
    )
    .openapi({
      type: 'string',
      enum: [...SORT_NAMES],
      description: "How the tags are sorted; PoolMon's keys b, d, s, m, a, f, t and p are taken too.",
    }),
  top: z
    .preprocess(
      value => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : absentIfEmpty(value)),
      z
        .int({ error: `a whole number from 1 to ${MAX_TOP}, given once` })
        .min(1, { error: `a whole number from 1 to ${MAX_TOP}` })
        .max(MAX_TOP, { error: `a whole number from 1 to ${MAX_TOP}` })
        .default(DEFAULT_TOP),
    )
    .openapi({ description: 'How many tags are listed.' }),
  ...machineQuerySchema.shape,
});

export type LeaksQuery = z.output<typeof leaksQuerySchema>;

/** The body of `POST /leaks` in JSON: the text, and what the query may say. */
export const leaksBodySchema = z
  .strictObject(
    {
      text: z
        .string({ error: 'a text: what the tool printed' })
        .openapi({ description: 'One or many snapshots of any of the formats.' }),
      file: z
        .string({ error: 'a text' })
        .max(300, { error: 'at most 300 characters long' })
        .optional()
        .openapi({ description: 'What remarks call the text.' }),
      every: z.string({ error: DURATION_FORM }).optional().openapi({ example: '30m' }),
    },
    { error: 'an object of the form {"text": "..."}' },
  )
  .openapi('LeaksRequest', {
    example: {
      text: ' Tag  Type     Allocs     Frees   Diff   Bytes  Per Alloc\n\n Thre Nonp  378580  24692  353888  220826112  624\n',
      every: '30m',
    },
  });

/** The view that is asked for. */
export function viewOfQuery({ pool, include, exclude, sort, top }: LeaksQuery): LeakView {
  return { pool, include, exclude, sort, top };
}

/** The asker's machine. Throws `invalid-query` for what is no build and no driver. */
export function machineOfQuery(
  { windows, driver }: LeaksQuery,
  releases: readonly WindowsRelease[],
): Machine {
  return readMachine({ windows, drivers: driver.filter(text => text !== '') }, releases, QUERY_NAMES);
}
