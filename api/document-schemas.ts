/** The shapes of the answers, for the OpenAPI document; a test holds them against real answers. */
import { z } from 'zod';
import { FACET_NAMES } from '../data/search-facets.ts';
import {
  advice,
  applies,
  arch,
  article,
  count,
  evidence,
  id,
  knowledgeEntry,
  links,
  otherTag,
  otherUse,
  owner,
  reading,
  seenStrength,
  sighting,
  strength,
  tagPointer,
} from './document-parts.ts';

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
    otherUses: z.array(otherUse).optional(),
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
    otherUses: z.array(otherUse).optional(),
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
    reading: z
      .array(
        z
          .object({
            kind: z.enum(['guide', 'component', 'article']),
            id: z.string(),
            title: z.string(),
            summary: z.string(),
            links,
          })
          .openapi('ReadingHit'),
      )
      .openapi({
        description:
          'Guides, components and known leaks (`article`) with these words, the best first; on the first page of a search without filters.',
      }),
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
          articles: z
            .array(z.object({ id: z.string(), title: z.string(), applies, links }))
            .optional()
            .openapi({ description: 'Known leaks, where `windows` or `drivers` were given.' }),
        }),
        z.object({ input: z.string(), found: z.literal(false), problem: problemSchema }),
      ]),
    ),
  })
  .openapi('LookupAnswer');

const driverSignature = z
  .object({
    status: z.enum(['signed', 'none', 'unreadable']),
    signatures: z.array(
      z.object({
        signer: z.string().nullable(),
        organization: z.string().nullable(),
        issuer: z.string().nullable(),
        programName: z.string().nullable(),
        digestAlgorithm: z.string(),
        digest: z.string(),
        digestMatches: z
          .boolean()
          .nullable()
          .describe('Whether the file still has the digest that was signed.'),
        signedAt: z.string().nullable(),
        signedAtBy: z.enum(['timestamp', 'countersignature', 'signer']).nullable(),
        isNested: z.boolean(),
      }),
    ),
  })
  .openapi('DriverSignature', {
    description:
      'The signatures within the file, as they name themselves. Only the digest is compared: whether a signature is genuine, its certificates and their revocation are not checked. A file with status `none` may be signed by a catalogue.',
  });

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
  pdbId: z.string().nullable().describe('GUID and age of the PDB, as a symbol server spells them.'),
  buildHash: z
    .string()
    .nullable()
    .describe('The hash that a reproducible build has in place of a link date.'),
  hybrid: z.enum(['ARM64EC', 'ARM64X', 'CHPE']).nullable(),
  frameworks: z.array(z.object({ id: z.string(), name: z.string(), version: z.string().nullable() })),
  imports: z.array(z.object({ dll: z.string(), functions: count, delayed: z.boolean() })),
  poolFunctions: z.array(z.string()),
  signature: driverSignature.nullable(),
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
        .omit({ imports: true, poolFunctions: true })
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
        isPattern: z.literal(true).optional(),
        strength: seenStrength,
        isListed: z.boolean(),
        summary: z.string(),
        evidence: z.array(evidence),
        links,
      }),
    ),
    otherTags: z.array(otherTag).optional(),
    remarks: z.array(z.string()),
    partial: z.boolean(),
    services: z
      .array(
        z.object({
          name: z.string(),
          start: z.enum(['boot', 'system', 'automatic', 'manual', 'disabled']),
          type: z.enum(['kernel-driver', 'file-system-driver', 'recognizer-driver']),
        }),
      )
      .optional()
      .describe('What loads the driver on this computer; absent where that is not known.'),
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
