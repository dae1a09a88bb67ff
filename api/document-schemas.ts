/** The shapes of the answers, for the OpenAPI document; a test holds them against real answers. */
import { z } from 'zod';
import { EVIDENCE_KINDS } from '../data/facts.ts';
import { FACET_NAMES } from '../data/search-facets.ts';
// It teaches zod the OpenAPI names used here.
import './schemas.ts';

const count = z.int().min(0);
const strength = z.enum(['written', 'proven', 'likely', 'bytes-only']);
const seenStrength = z.enum(['proven', 'likely', 'bytes-only']);
const arch = z.enum(['x86', 'x64', 'arm64']);
const kind = z.enum(EVIDENCE_KINDS);
const id = z.string().openapi({ description: 'Hex of the four bytes in memory order.', example: '54687265' });

const links = z
  .object({ self: z.string(), page: z.string() })
  .openapi('Links', { description: 'Addresses on this server: in REST, and as a page.' });

const source = z
  .object({ name: z.string(), url: z.string().nullable() })
  .openapi('Source', { description: 'Where a fact was read or seen.' });

const owner = z
  .object({
    image: z.string().nullable(),
    component: z.string().nullable(),
    meaning: z.string().nullable(),
    note: z.string().optional(),
    strength,
    matched: z.string().optional().openapi({
      description: 'The wildcard entry that covers the tag, where it is not an entry of its own.',
      example: 'Afd?',
    }),
    sources: z.array(source),
  })
  .openapi('Owner');

const tagPointer = z.object({ tag: z.string(), id, summary: z.string(), links }).openapi('TagPointer');

const reading = z
  .object({
    input: z.string(),
    as: z.string().openapi({ example: 'source literal' }),
    isPlain: z.boolean(),
    also: z.array(z.object({ as: z.string(), tag: z.string(), links })),
  })
  .openapi('Reading', { description: 'Which spelling was taken, and which other readings are known.' });

const advice = z
  .object({
    kind: z.enum([
      'owner-is-not-culprit',
      'next-step',
      'unknown-tag',
      'shared-default',
      'verifier-stand-in',
      'disagreement',
    ]),
    text: z.string(),
    steps: z.array(z.string()),
    guide: z.string().optional(),
    sources: z.array(source),
  })
  .openapi('Advice');

const evidence = z
  .object({
    kind,
    api: z.string().optional(),
    rva: count.optional(),
    functionRva: count.optional(),
    origin: z
      .enum(['immediate', 'literal-pool', 'global', 'table', 'structure', 'computed', 'stack'])
      .optional(),
    wrappers: z.array(count).optional(),
    structure: z.string().optional(),
    rule: z.string().optional(),
  })
  .openapi('Evidence', { description: 'One place in a driver where a tag is used. RVAs are numbers.' });

const driverSummary = z.object({
  fileName: z.string(),
  sha256: z.string(),
  arch,
  company: z.string().nullable(),
  product: z.string().nullable(),
  version: z.string().nullable(),
  description: z.string().nullable(),
  isSample: z.boolean(),
});

const sighting = z
  .object({
    driver: driverSummary,
    strength: seenStrength,
    kinds: z.array(kind),
    sites: count,
    protected: z.boolean(),
    firstSites: z.array(evidence),
    links,
  })
  .openapi('Sighting');

const knowledgeEntry = z
  .object({
    tag: z.string(),
    isPattern: z.boolean(),
    image: z.string().nullable(),
    component: z.string().nullable(),
    meaning: z.string().nullable(),
    note: z.string().optional(),
    list: z.string(),
    sources: z.array(source),
  })
  .openapi('KnowledgeEntry', { description: 'An entry as it stands in its list.' });

const article = z
  .object({
    id: z.string(),
    title: z.string(),
    products: z.array(z.string()),
    affected: z.array(
      z.object({
        product: z.string(),
        from: z.string().optional(),
        before: z.string().optional(),
        only: z.array(z.string()).optional(),
      }),
    ),
    symptom: z.string().nullable(),
    cause: z.string(),
    remedy: z.string().nullable(),
    status: z.enum(['fixed', 'workaround', 'open', 'unknown']),
    supersededBy: z.array(z.string()),
    note: z.string().optional(),
    sources: z.array(source),
  })
  .openapi('LeakArticle');

/** The answer of `GET /tags/{tag}`. */
export const tagAnswerSchema = z
  .object({
    found: z.literal(true),
    reading,
    tag: z.string(),
    id,
    ulong: z.string().openapi({ example: '0x65726854' }),
    literal: z.string().openapi({ example: "'erhT'" }),
    bytes: z.string().openapi({ example: '54 68 72 65' }),
    summary: z.string(),
    strength,
    owners: z.array(owner),
    knowledge: z.array(knowledgeEntry),
    sightings: z.array(sighting),
    advice: z.array(advice),
    articles: z.array(article),
    caseVariants: z.array(tagPointer),
    near: z.array(tagPointer),
    companions: z.array(tagPointer),
    links,
  })
  .openapi('TagAnswer');

/** Every error. */
export const problemSchema = z
  .looseObject({
    type: z.string().openapi({ example: '/problems/invalid-tag' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ example: 'invalid-tag' }),
    instance: z.string().optional(),
    suggestions: z.array(tagPointer.extend({ why: z.string() })).optional(),
    advice: z.array(advice).optional(),
  })
  .openapi('Problem', { description: 'A problem document after RFC 9457, with a stable code.' });

const highlight = z.array(z.object({ text: z.string(), isMatch: z.boolean() }));
const facetCounts = z.array(z.object({ value: z.string(), count }));

/** The answer of `GET /search`. */
export const searchAnswerSchema = z
  .object({
    query: z.object({
      q: z.string(),
      driver: z.string().optional(),
      vendor: z.string().optional(),
      component: z.string().optional(),
      source: z.string().optional(),
      arch: arch.optional(),
      strength: strength.optional(),
      page: count,
      pageSize: count,
    }),
    total: count,
    page: count,
    pageSize: count,
    hits: z.array(
      tagPointer
        .extend({
          isPattern: z.boolean(),
          owners: z.array(owner),
          strength,
          highlights: z.object({
            tag: highlight.optional(),
            meaning: highlight.optional(),
            image: highlight.optional(),
            driver: highlight.optional(),
            vendor: highlight.optional(),
            product: highlight.optional(),
          }),
        })
        .openapi('SearchHit'),
    ),
    facets: z.object(Object.fromEntries(FACET_NAMES.map(name => [name, facetCounts]))),
    ignoredWords: z.array(z.string()),
  })
  .openapi('SearchAnswer');

/** The answer of `POST /lookup`. */
export const lookupAnswerSchema = z
  .object({
    answers: z.array(
      z.union([
        z.object({
          input: z.string(),
          found: z.literal(true),
          tag: z.string(),
          id,
          readAs: z.string().optional(),
          summary: z.string(),
          owners: z.array(owner),
        }),
        z.object({ input: z.string(), found: z.literal(false), problem: problemSchema }),
      ]),
    ),
  })
  .openapi('LookupAnswer');

const driverIdentity = z.object({
  fileName: z.string(),
  sha256: z.string(),
  sizeBytes: count,
  arch,
  linkDate: z.string().nullable(),
  company: z.string().nullable(),
  product: z.string().nullable(),
  description: z.string().nullable(),
  version: z.string().nullable(),
  originalName: z.string().nullable(),
  pdbName: z.string().nullable(),
});

/** The answer of `GET /drivers`. */
export const driversAnswerSchema = z
  .object({
    query: z.object({
      q: z.string(),
      vendor: z.string().optional(),
      arch: arch.optional(),
      page: count,
      pageSize: count,
    }),
    total: count,
    page: count,
    pageSize: count,
    facets: z.object({ vendor: facetCounts, arch: facetCounts }),
    drivers: z.array(
      driverIdentity
        .extend({ isSample: z.boolean(), tags: count, unproven: count, partial: z.boolean(), links })
        .openapi('DriverEntry'),
    ),
  })
  .openapi('DriversAnswer');

/** The answer of `GET /drivers/{sha256}`. */
export const driverAnswerSchema = z
  .object({
    driver: driverIdentity,
    isSample: z.boolean(),
    sightings: z.array(
      z.object({
        tag: z.string(),
        id,
        protected: z.boolean(),
        strength: seenStrength,
        isListed: z.boolean(),
        summary: z.string(),
        evidence: z.array(evidence),
        links,
      }),
    ),
    remarks: z.array(z.string()),
    partial: z.boolean(),
    links,
  })
  .openapi('DriverAnswer');

/** The answer of `GET /status`. */
export const statusSchema = z
  .object({
    tags: count,
    knowledgeEntries: count,
    articles: count,
    tagFiles: z.array(
      z.object({
        path: z.string(),
        version: z.string().nullable(),
        entries: count,
        remarks: count,
      }),
    ),
    drivers: count,
    sampleDrivers: count,
    refused: count,
    index: z.string(),
    scan: z.object({
      state: z.enum(['idle', 'running', 'done']),
      done: count,
      total: count.nullable(),
      currentFolder: z.string().nullable(),
      startedAt: z.string().nullable(),
      finishedAt: z.string().nullable(),
    }),
  })
  .openapi('Status');
