/**
 * The shapes of the files in data/knowledge/, written once: the lint checks with them, the *.schema.json files for
 * editors are made from them, and the loader takes their types alone, so that starting the program never runs them.
 */
import { z } from 'zod';

/** The kinds of advice; the answer document knows the same ones. */
const ADVICE_KINDS = [
  'owner-is-not-culprit',
  'next-step',
  'unknown-tag',
  'shared-default',
  'verifier-stand-in',
] as const;

const id = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);
const text = z.string().min(1);
const tag = z
  .string()
  .regex(/^[\0-\xff]{4}$/)
  .describe(
    'Exactly four characters, blanks kept: "Io  ". "?" stands for any one byte. Other bytes as \\u00xx.',
  );
const image = z
  .string()
  .regex(/^[!-~]+$/)
  .describe('The owner as the kernel names it: "nt!ps" for a part of the kernel, "ntfs.sys" for a driver.');
const sources = z.array(id).min(1).describe('Ids of sources.json.');
const windows = text.describe('A Windows version: "Windows 8", "Windows Server 2003".');

const entryShape = z.strictObject({
  tag,
  image: z
    .union([image, z.array(image).min(2), z.null()])
    .optional()
    .describe("Where it differs from the component's: one image, several, or null for nobody in particular."),
  meaning: text
    .optional()
    .describe(
      'In our own words: a short noun phrase and a full stop, then a sentence on growth where known.',
    ),
  unknown: z.literal(true).optional().describe('Instead of a meaning: only the owner is known.'),
  note: text.optional().describe('A doubt, an exception, or which of several owners applies when.'),
  since: windows.optional(),
  until: windows.optional(),
  inferred: text.optional().describe('The owner is our conclusion, not written anywhere: why.'),
  family: tag.optional().describe('The wildcard entry that this tag belongs to: "Afd?".'),
  sources: sources
    .optional()
    .describe("Where this fact was read, if not in the component's sources: ids of sources.json."),
});

/** One component: what it allocates for, and its tags. */
export const componentShape = z.strictObject({
  $schema: z.literal('./schema.json'),
  id: id.describe('The same as the file name.'),
  title: text.describe('As it reads after "owned by": "the cache manager" is titled "Cache manager".'),
  image: image
    .nullable()
    .describe('The owner of every entry that names none; null where each entry names its own.'),
  vendor: text,
  isCollection: z
    .literal(true)
    .optional()
    .describe(
      'Set where the title gathers several owners ("Older network drivers"): nothing is "owned by" it.',
    ),
  about: z.strictObject({
    purpose: text.describe('What the component allocates pool for.'),
    normal: text.describe('Which size and growth is ordinary.'),
    abnormal: text.optional().describe('Which growth is not, and what is usually behind it.'),
    steps: z.array(text).describe('What to try, in order; commands as they are typed.'),
    sources,
  }),
  sources: sources.describe('Where the entries that name no source were read: ids of sources.json.'),
  entries: z.array(entryShape),
});

/** What versions have a fault. Numbers where a machine is to compare them. */
const versionRange = {
  from: text.optional().describe('The first version that has the fault.'),
  before: text.optional().describe('The first version without it.'),
  until: text
    .optional()
    .describe('The last version it was reported for, where no fix is known: newer ones may have it.'),
  only: z.array(text).min(1).optional().describe('The very versions, where no range is known.'),
};

const affectedShape = z.strictObject({
  product: text.describe('For people, with what no number says: "Windows XP SP2".'),
  image: z
    .string()
    .regex(/^[\w-]+\.(sys|exe|dll)$/)
    .optional()
    .describe('The file whose versions the range names; without it, the range is for people.'),
  ...versionRange,
  filePrefix: text
    .optional()
    .describe('What the file has in front of these versions: Npcap 0.9988 is npcap.sys 5.0.9988, so "5".'),
  hotfixBranch: text
    .optional()
    .describe(
      'Where the versions of the hotfix branch begin, which "before" is one of; what is below may have the fix under another number.',
    ),
  windows: z
    .strictObject(versionRange)
    .optional()
    .describe('Builds of Windows it is limited to: "10.0.26200" stands for all its revisions.'),
  condition: text
    .optional()
    .describe(
      'What must be there, too, and no version tells, as it reads after "where": "the /3GB switch is set".',
    ),
});

/** leaks.json: published reports of leaks. */
export const leaksShape = z.strictObject({
  $schema: z.literal('./leaks.schema.json'),
  leaks: z.array(
    z.strictObject({
      id,
      title: text,
      tags: z.array(tag).describe("The report's spelling and today's; empty where it names none."),
      affected: z.array(affectedShape).min(1),
      symptom: text.optional(),
      cause: text,
      remedy: text.optional(),
      status: z.enum(['fixed', 'workaround', 'open', 'unknown']),
      supersededBy: z.array(id).optional(),
      note: text.optional().describe('Doubt, said aloud.'),
      sources,
      versionSources: sources
        .optional()
        .describe('Where versions of "affected" were read that the report does not name.'),
    }),
  ),
});

/** advice.json: what to do next, by tag. */
export const adviceShape = z.strictObject({
  $schema: z.literal('./advice.schema.json'),
  advice: z.array(
    z.strictObject({
      id,
      kind: z.enum(ADVICE_KINDS),
      tags: z
        .array(tag)
        .describe('Tags and patterns; empty for unknown-tag, which applies where nothing is known.'),
      text: text.describe('Who is usually behind it, in a sentence or two.'),
      steps: z.array(text).min(1),
      companions: z.array(tag).optional().describe('Tags that tend to grow along.'),
      guide: id.optional(),
      sources,
    }),
  ),
});

/** windows-builds.json: releases of Windows and their builds. */
export const windowsBuildsShape = z.strictObject({
  $schema: z.literal('./windows-builds.schema.json'),
  releases: z.array(
    z.strictObject({
      name: text.describe('As it is sold: "Windows 11, version 25H2".'),
      build: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/)
        .describe('"10.0.26200".'),
      sources,
    }),
  ),
});

/** sources.json: where facts were read. */
export const sourcesShape = z.strictObject({
  $schema: z.literal('./sources.schema.json'),
  sources: z.array(
    z.strictObject({
      id,
      name: text,
      url: z.url({ protocol: /^https?$/ }).nullable(),
      licence: text.describe('The licence of the source, or on what ground its facts are used.'),
    }),
  ),
});

export type ComponentFile = z.infer<typeof componentShape>;
export type KnowledgeFileEntry = z.infer<typeof entryShape>;
export type LeaksFile = z.infer<typeof leaksShape>;
export type AdviceFile = z.infer<typeof adviceShape>;
export type SourcesFile = z.infer<typeof sourcesShape>;
export type WindowsBuildsFile = z.infer<typeof windowsBuildsShape>;
export type AffectedProduct = z.infer<typeof affectedShape>;
export type AdviceKind = (typeof ADVICE_KINDS)[number];
