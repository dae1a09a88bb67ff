/** The answer of `GET /drivers/{sha256}/explain/{tag}`, as the OpenAPI document describes it. */
import { z } from 'zod';
import { arch, count, evidence, id, links } from './document-parts.ts';

const listing = z
  .object({
    functionRva: count,
    lines: z.array(
      z.object({
        rva: count,
        bytes: z.string().openapi({ example: '41 b8 54 43 6f 6e' }),
        text: z.string().openapi({ example: 'mov r8d,6E6F4354h' }),
        note: z.string().nullable().openapi({ example: "'TCon'" }),
        role: z.enum(['constant', 'carries', 'call']).nullable(),
        isAfterGap: z.boolean(),
      }),
    ),
  })
  .openapi('CodeListing', {
    description:
      'Some instructions of one function. Numbers are spelled as WinDbg does, addresses of the image are RVAs or names.',
  });

const site = z.object({
  evidence,
  steps: z.array(
    z.object({
      kind: z.enum(['constant', 'computed', 'carried', 'call', 'wrapper', 'function']),
      rva: count.nullable(),
      text: z.string(),
      instruction: z.string().nullable(),
    }),
  ),
  listings: z.array(listing),
});

const explained = {
  tag: z.string(),
  id,
  isPattern: z.literal(true).optional(),
  sites: z.array(site),
  moreSites: count,
  wrappers: z.array(listing),
};

/** A driver's use of a tag, explained. */
export const explanationSchema = z
  .object({
    driver: z.object({ fileName: z.string(), sha256: z.string(), arch }),
    ...explained,
    also: z.object(explained).optional().openapi({
      description:
        "Where a computed family's wildcard is explained (`isPattern`) and the driver uses a tag that has these very characters, a `?` among them, as well: that tag. It alone is the answer to its value (`explain/0x3F316B54`).",
    }),
    links,
  })
  .openapi('TagExplanation');
