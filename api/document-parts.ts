/** The parts that answers are made of, as the OpenAPI document describes them. */
import { z } from 'zod';
import { CONSTANT_ORIGINS, EVIDENCE_KINDS, OTHER_TAG_KINDS } from '../data/facts.ts';
import { ADVICE_KIND_ORDER } from './advice-book.ts';
// It teaches zod the OpenAPI names used here.
import './schemas.ts';

/** A number of things. */
export const count = z.int().min(0);
/** How an owner is known. */
export const strength = z.enum(['written', 'proven', 'likely', 'bytes-only']);
/** How a scan knows it. */
export const seenStrength = z.enum(['proven', 'likely', 'bytes-only']);
/** The processor of an image. */
export const arch = z.enum(['x86', 'x64', 'arm64']);
const kind = z.enum(EVIDENCE_KINDS);
/** The id of a tag. */
export const id = z
  .string()
  .openapi({ description: 'Hex of the four bytes in memory order.', example: '54687265' });

/** Where a thing is found. */
export const links = z
  .object({ self: z.string(), page: z.string() })
  .openapi('Links', { description: 'Addresses on this server: in REST, and as a page.' });

/** Where a fact was read. */
export const source = z
  .object({ name: z.string(), url: z.string().nullable() })
  .openapi('Source', { description: 'Where a fact was read or seen.' });

/** One owner of a tag. */
export const owner = z
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

/** Another tag, in short. */
export const tagPointer = z.object({ tag: z.string(), id, summary: z.string(), links }).openapi('TagPointer');

/** How the input was read. */
export const reading = z
  .object({
    input: z.string(),
    as: z.string().openapi({ example: 'source literal' }),
    isPlain: z.boolean(),
    also: z.array(z.object({ as: z.string(), tag: z.string(), links })),
  })
  .openapi('Reading', { description: 'Which spelling was taken, and which other readings are known.' });

/** What to do next. */
export const advice = z
  .object({
    kind: z.enum(ADVICE_KIND_ORDER),
    text: z.string(),
    steps: z.array(z.string()),
    guide: z.string().optional(),
    sources: z.array(source),
  })
  .openapi('Advice');

/** One site. */
export const evidence = z
  .object({
    kind,
    api: z.string().optional(),
    rva: count.optional(),
    functionRva: count.optional(),
    origin: z.enum(CONSTANT_ORIGINS).optional().openapi({
      description:
        'Where the constant of the tag comes from, as the call at `rva` sees it; with `wrappers`, that is the call of the outermost. `parameter`: from a structure that the function with the call is given, as a context is, by a caller that is not seen.',
    }),
    wrappers: z.array(count).optional(),
    structure: z.string().optional(),
    rule: z.string().optional(),
    pool: z.string().optional().openapi({
      description: 'The pool that is asked for, where the call says so by a constant.',
      example: 'POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED',
    }),
    sizeBytes: count.optional().openapi({
      description: 'How many bytes are asked for, where the call says so by a constant.',
    }),
    symbol: z.string().optional().openapi({
      description: "The call site by the driver's PDB, where one was at hand.",
      example: 'foo!AllocateContext+0x2c',
    }),
    wrapperSymbols: z.array(z.string().nullable()).optional(),
  })
  .openapi('Evidence', { description: 'One place in a driver where a tag is used. RVAs are numbers.' });

const otherTagKind = z.enum(OTHER_TAG_KINDS);

/** A tag of a driver that is no pool tag. */
export const otherTag = z
  .object({
    tag: z.string(),
    id,
    kind: otherTagKind,
    api: z.string().openapi({ example: 'ntoskrnl.exe!IoInitializeRemoveLockEx' }),
    rva: count.openapi({ description: 'Of the first call.' }),
    sites: count,
    links,
  })
  .openapi('OtherTag', {
    description:
      'A tag that names a remove lock or references to objects: it looks like a pool tag, but its calls allocate nothing.',
  });

/** One driver that uses the tag for something else than pool memory. */
export const otherUse = z
  .object({
    driver: z.object({ fileName: z.string(), sha256: z.string(), isSample: z.boolean() }),
    kind: otherTagKind,
    sites: count,
    links,
  })
  .openapi('OtherUse', {
    description:
      'A driver that uses the tag for a remove lock or references to objects alone, which makes it no owner.',
  });

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

/** One driver that uses the tag. */
export const sighting = z
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

/** One entry of a list. */
export const knowledgeEntry = z
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

const versionRange = {
  from: z.string().optional(),
  before: z.string().optional(),
  until: z.string().optional(),
  only: z.array(z.string()).optional(),
};

/** Whether a leak concerns the machine. */
export const applies = z
  .object({
    verdict: z.enum(['applies', 'may-apply', 'fixed', 'does-not-apply']),
    reason: z.string().openapi({ example: 'Fixed in 0.9989: your npcap.sys 1.79 has it.' }),
    fixedIn: z.string().optional().openapi({ description: 'Where the verdict is `fixed`.' }),
  })
  .openapi('LeakVerdict', {
    description:
      'Whether the versions of the machine are among those affected: by `windows` and `driver` of the request, and by the drivers that were scanned.',
  });

/** A reported leak. */
export const article = z
  .object({
    id: z.string(),
    title: z.string(),
    products: z.array(z.string()),
    affected: z.array(
      z.object({
        product: z.string(),
        image: z
          .string()
          .optional()
          .openapi({ description: 'The file whose versions the range names; else they are words.' }),
        ...versionRange,
        filePrefix: z.string().optional(),
        hotfixBranch: z.string().optional(),
        windows: z
          .object(versionRange)
          .optional()
          .openapi({ description: 'Builds of Windows that it is limited to.' }),
        condition: z.string().optional(),
      }),
    ),
    symptom: z.string().nullable(),
    cause: z.string(),
    remedy: z.string().nullable(),
    status: z.enum(['fixed', 'workaround', 'open', 'unknown']),
    supersededBy: z.array(z.string()),
    note: z.string().optional(),
    applies,
    sources: z.array(source),
  })
  .openapi('LeakArticle');
