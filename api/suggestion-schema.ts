/** The shape of the answer of `GET /suggest`, for the OpenAPI document; a test holds it against real answers. */
import { z } from 'zod';
import { count, id, tagPointer } from './document-parts.ts';

const proposal = z.object({
  tag: z.string().openapi({ example: 'CoFi' }),
  id,
  ulong: z.string().openapi({ example: '0x69466F43' }),
  literal: z.string().openapi({ example: "'iFoC'" }),
  bytes: z.string().openapi({ example: '43 6F 46 69' }),
  how: z.string(),
  define: z.string().openapi({ example: "#define CONTOSO_POOL_TAG 'iFoC'" }),
});

export const suggestionsSchema = z
  .object({
    name: z.string(),
    words: z.array(z.string()),
    proposals: z.array(proposal.openapi('TagProposal')),
    kinds: z
      .array(proposal.extend({ kind: z.string() }).openapi('KindProposal'))
      .describe('One tag for each kind of allocation, with three letters in common.'),
    rejected: z
      .array(
        z
          .object({
            tag: z.string(),
            how: z.string(),
            code: z.enum(['taken', 'other-case', 'reversed', 'family', 'other-use']),
            why: z.string(),
            with: tagPointer,
          })
          .openapi('RejectedTag'),
      )
      .describe('Obvious candidates that are not free, each with the reason.'),
    rules: z.array(z.string()),
    comparedWith: z.object({ tags: count, drivers: count }),
  })
  .openapi('TagSuggestions');
