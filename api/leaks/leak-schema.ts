/** The shape of the answer to what is leaking, for the OpenAPI document; a test holds it against real answers. */
import { z } from 'zod';
import { VERDICTS } from '../../scanner/leaks/leak-report.ts';
import { advice, article, count, id, links, owner, sighting } from '../document-parts.ts';

const pool = z.enum(['nonpaged', 'paged']);
const format = z.enum([
  'poolmon',
  'memsnap',
  'poolused',
  'poolfind',
  'pool-page',
  'vm',
  'processes',
  'verifier',
  'perfmon-csv',
  'powershell-csv',
  'event-2004',
  'pooltag-json',
  'pooltag-csv',
]);
const verdict = z.enum(VERDICTS);
const milliseconds = z.number().openapi({ description: 'Milliseconds since 1970 UTC.' });

const rate = z
  .object({ perHour: z.number(), low: z.number(), high: z.number() })
  .openapi('LeakRate', { description: 'Growth by the hour, with the interval that holds it.' });

const numbers = z
  .object({
    allocs: z.number().optional(),
    frees: z.number().optional(),
    diff: z.number().optional(),
    bytes: z.number().optional(),
    bytesPerAlloc: z.number().optional(),
  })
  .openapi('TagNumbers', { description: 'What the tool prints of a tag; what it does not print is absent.' });

const points = z.array(z.number().nullable());

const tagView = z
  .object({
    tag: z.string(),
    id,
    pool,
    rank: count.openapi({ description: 'Place among all tags, the most suspicious first, from 1.' }),
    isInexact: z.boolean().openapi({ description: 'The tool prints dots for bytes that it cannot show.' }),
    verdict,
    reasons: z.array(z.string()),
    summary: z.string().nullable(),
    owners: z.array(owner),
    snapshots: count,
    first: numbers,
    last: numbers,
    growthBytes: z.number().optional(),
    bytesRate: rate.optional(),
    allocsRate: rate.optional(),
    trendP: z.number().optional(),
    poolShare: z.number().optional(),
    hoursToLimit: z.number().optional(),
    events: z.array(
      z.object({
        kind: z.enum(['step', 'burst', 'counter-wrapped', 'restarted']),
        atMs: milliseconds.optional(),
        snapshot: count,
      }),
    ),
    mapped: z.array(z.string()).openapi({ description: 'What the tools themselves say of the owner.' }),
    series: z
      .object({ snapshot: z.array(count), bytes: points, diff: points })
      .openapi({ description: 'Points for a chart: indexes of `snapshots`, bytes and allocations in use.' }),
    links,
  })
  .openapi('LeakTag');

const tagOfPool = z.object({ tag: z.string(), pool });

const suspect = tagView
  .extend({
    sightings: z.array(sighting),
    advice: z.array(advice),
    articles: z.array(article),
    risesWith: z.array(tagOfPool.extend({ links })),
  })
  .openapi('LeakSuspect');

const memory = z
  .object({
    physicalBytes: z.number().optional(),
    availableBytes: z.number().optional(),
    commitBytes: z.number().optional(),
    commitLimitBytes: z.number().optional(),
    commitPeakBytes: z.number().optional(),
    nonpagedBytes: z.number().optional(),
    pagedBytes: z.number().optional(),
    nonpagedAllocs: z.number().optional(),
    pagedAllocs: z.number().optional(),
    pagedResidentBytes: z.number().optional(),
    nonpagedLimitBytes: z.number().optional(),
    pagedLimitBytes: z.number().optional(),
  })
  .openapi('MemoryFacts');

const process = z
  .object({
    name: z.string(),
    processId: z.number().optional(),
    handles: z.number().optional(),
    threads: z.number().optional(),
    nonpagedBytes: z.number().optional(),
    pagedBytes: z.number().optional(),
    commitBytes: z.number().optional(),
  })
  .openapi('ProcessRow');

const verifiedDriver = z
  .object({
    driver: z.string(),
    isUnloaded: z.boolean(),
    nonpagedAllocs: z.number().optional(),
    pagedAllocs: z.number().optional(),
    nonpagedBytes: z.number().optional(),
    pagedBytes: z.number().optional(),
    allocations: z.array(
      z.object({
        tag: z.string(),
        pool: pool.optional(),
        address: z.string(),
        sizeBytes: z.number(),
        caller: z.string().optional(),
      }),
    ),
  })
  .openapi('VerifiedDriver');

/** The answer of `POST /leaks`. */
export const leakAnswerSchema = z
  .object({
    headline: z
      .string()
      .openapi({ description: 'What leaks, how fast, and who owns it, in a sentence or two.' }),
    summary: z.array(z.string()),
    snapshots: z.array(
      z.object({
        format,
        file: z.string().optional(),
        line: count,
        takenAtMs: milliseconds.optional(),
        timeFrom: z.enum(['text', 'file', 'given']).optional(),
        givenHours: z.number().optional().openapi({
          description:
            'Hours since the first one that is compared, where `every` tells them and not the dates of the snapshots.',
        }),
        session: z.union([count, z.literal('all')]).optional(),
        rows: count,
      }),
    ),
    compared: count,
    spanHours: z.number().optional(),
    confidence: z.number(),
    falseRate: z.number(),
    suspects: z.array(suspect),
    groups: z.array(z.object({ head: tagOfPool, members: z.array(tagOfPool), reason: z.string() })),
    nextSteps: z.array(z.object({ text: z.string(), command: z.string().optional() })),
    tags: z.array(tagView),
    matchingTags: count,
    totalTags: count,
    verdicts: z.record(verdict, count),
    unknownTags: count,
    memory,
    processes: z.array(process),
    verifier: z.array(verifiedDriver),
    blocks: z.array(
      z.object({
        tag: z.string(),
        pool: pool.optional(),
        count,
        free: count,
        bytes: z.number(),
      }),
    ),
    thinnedTo: count.optional(),
    remarks: z.array(z.object({ file: z.string().optional(), line: count.optional(), message: z.string() })),
    moreRemarks: count,
  })
  .openapi('LeakAnswer');
