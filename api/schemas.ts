/** What requests must look like: these schemas check them, and the OpenAPI document is made from the same ones. */
import { extendZodWithOpenApi } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { MAX_GIVEN_DRIVERS } from './machine.ts';
import { DEFAULT_PROPOSALS, MAX_PROPOSALS } from './suggest-tags.ts';

extendZodWithOpenApi(z);

/** The longest words, names and patterns that make sense to search for. */
const MAX_TEXT_CHARACTERS = 200;
/** Above this nothing has that many pages, and the product of page and page size stays a safe number. */
const MAX_PAGE = 1_000_000;
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 20;
/** Tags in one look-up: as many as a PoolMon log of a large server has. */
export const MAX_LOOKUP_TAGS = 1_000;

/** An empty field of a form is one that was left out. */
const emptyAsAbsent = (value: unknown) => (value === '' ? undefined : value);

const text = (description: string) =>
  z
    .preprocess(
      emptyAsAbsent,
      z
        .string({ error: 'given once' })
        .max(MAX_TEXT_CHARACTERS, { error: `at most ${MAX_TEXT_CHARACTERS} characters long` })
        .optional(),
    )
    .openapi({ description });

const wholeNumber = (most: number, preset: number, description: string) =>
  z
    .preprocess(
      value => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : emptyAsAbsent(value)),
      z
        .int({ error: `a whole number from 1 to ${most}, given once` })
        .min(1, { error: `a whole number from 1 to ${most}` })
        .max(most, { error: `a whole number from 1 to ${most}` })
        .default(preset),
    )
    .openapi({ description });

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values, description: string) =>
  z
    .preprocess(
      value => emptyAsAbsent(typeof value === 'string' ? value.toLowerCase() : value),
      z.enum(values, { error: `one of ${values.join(', ')}, given once` }).optional(),
    )
    .openapi({ description });

const q = z
  .preprocess(
    emptyAsAbsent,
    z
      .string({ error: 'given once' })
      .max(MAX_TEXT_CHARACTERS, { error: `at most ${MAX_TEXT_CHARACTERS} characters long` })
      .default(''),
  )
  .openapi({
    description:
      'Words, a tag in any spelling, or a pattern (`Nt??`, `?t*`); empty lists everything in byte order.',
  });
const arch = oneOf(['x86', 'x64', 'arm64'], 'The processor that drivers are made for.');
const page = wholeNumber(MAX_PAGE, 1, 'The page, from 1.');
const pageSize = wholeNumber(MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE, 'Entries on a page.');

/** The query of `GET /search`. */
export const searchQuerySchema = z.object({
  q,
  driver: text('File name of a driver that uses the tag, as in the facet.'),
  vendor: text('Vendor of a driver or of the owning component, as in the facet.'),
  component: text('Id of a component of the knowledge base.'),
  source: text('Where it is known from: `pooltag-list`, `pooltag.txt`, `scan` or `article`.'),
  arch,
  strength: oneOf(['written', 'proven', 'likely', 'bytes-only'], 'How the owner is known.'),
  page,
  pageSize,
});

/** The query of `GET /drivers`. */
export const driversQuerySchema = z.object({
  q: q.openapi({
    description: 'Part of a file name, company, product or description, or of the SHA-256.',
  }),
  vendor: text('Company that a driver names as its maker, as in the facet.'),
  arch,
  page,
  pageSize,
});

/** The query of `GET /suggest`. */
export const suggestQuerySchema = z.object({
  name: z
    .string({ error: 'the name of a driver or product, given once' })
    .max(MAX_TEXT_CHARACTERS, { error: `at most ${MAX_TEXT_CHARACTERS} characters long` })
    .openapi({ description: 'The name of the driver or the product.', example: 'Contoso Filter' }),
  count: wholeNumber(MAX_PROPOSALS, DEFAULT_PROPOSALS, 'How many tags to propose.'),
});

/** The body of `POST /lookup`. */
export const lookupBodySchema = z
  .strictObject(
    {
      tags: z
        .array(z.string({ error: 'a text' }), { error: 'a list of tags' })
        .min(1, { error: `a list of 1 to ${MAX_LOOKUP_TAGS} tags` })
        .max(MAX_LOOKUP_TAGS, { error: `a list of 1 to ${MAX_LOOKUP_TAGS} tags` })
        .openapi({ description: 'Tags in any spelling; answered in this order.' }),
      windows: z
        .string({ error: 'a text' })
        .max(MAX_TEXT_CHARACTERS, { error: `at most ${MAX_TEXT_CHARACTERS} characters long` })
        .optional()
        .openapi({
          description: 'The build of Windows: answers then name known leaks.',
          example: '10.0.26200',
        }),
      drivers: z
        .array(z.string({ error: 'a text' }).max(MAX_TEXT_CHARACTERS), {
          error: 'a list of drivers with versions, such as ["npcap.sys@0.9988"]',
        })
        .max(MAX_GIVEN_DRIVERS, { error: `a list of at most ${MAX_GIVEN_DRIVERS} drivers` })
        .optional()
        .openapi({ description: 'Drivers with versions: answers then name known leaks.' }),
    },
    { error: 'an object of the form {"tags": ["Thre", "0x20204d43"]}' },
  )
  .openapi('LookupRequest', { example: { tags: ['Thre', '0x20204d43'] } });

/** The path of `GET /tags/{tag}`. */
export const tagParamsSchema = z.object({
  tag: z.string().openapi({
    description:
      "A tag in any spelling, percent-encoded: `Thre`, `'erhT'`, `0x65726854`, eight hex digits, `CM%20%20`.",
    example: 'Thre',
  }),
});

/** What the asker says of their machine: in which words it is said is for `readMachine`, which explains more. */
export const machineQuerySchema = z.object({
  windows: text('The build of Windows, for known leaks: `10.0.26200`, `10.0.26200.8875`, `26200`.'),
  driver: z
    .preprocess(
      value => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
      z.array(z.string({ error: 'a text' }).max(MAX_TEXT_CHARACTERS)).max(MAX_GIVEN_DRIVERS, {
        error: `given at most ${MAX_GIVEN_DRIVERS} times`,
      }),
    )
    .openapi({
      description: 'A driver with its version, for known leaks; may be repeated.',
      example: ['npcap.sys@0.9988'],
    }),
});

/** The path of `GET /drivers/{sha256}`. */
export const driverParamsSchema = z.object({
  sha256: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/, { error: 'a SHA-256 of 64 hex digits' })
    .openapi({ description: 'The SHA-256 of the driver file.' }),
});

/** The path of `GET /drivers/{sha256}/explain/{tag}`. */
export const explainParamsSchema = driverParamsSchema.extend(tagParamsSchema.shape);

/** The path of `GET /articles/{id}`, of a component and of a guide. */
export const knowledgeParamsSchema = z.object({
  id: z.string().openapi({ description: 'The id, as in the list.', example: 'npcap-318' }),
});

/** The names of `GET /export/{name}`. */
export const EXPORT_NAMES = ['pooltag.txt', 'localtag.txt', 'tags.csv', 'tags.ndjson'] as const;
export type ExportName = (typeof EXPORT_NAMES)[number];

/** The path of `GET /export/{name}`. */
export const exportParamsSchema = z.object({ name: z.enum(EXPORT_NAMES) });
