/** Answers what a request brought. */
import type { Catalogue } from '../catalogue.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { answerLeaks } from './answer-leaks.ts';
import type { LeakAnswer } from './leak-answer.ts';
import { leaksQuerySchema, machineOfQuery, viewOfQuery } from './leak-request.ts';
import { reportOfUpload } from './report-of-upload.ts';
import { companionTags, NOTHING_RECOGNISED } from './snapshot-intake.ts';
import type { Upload } from './upload.ts';

/**
 * The answer to what was uploaded. `query` is what the address says; fields of the form or of JSON stand where it says
 * nothing. Releases the upload. Throws `invalid-query` for a wrong parameter and `nothing-recognised`.
 */
export async function answerUpload(
  upload: Upload,
  query: Record<string, unknown>,
  catalogue: Catalogue,
): Promise<LeakAnswer> {
  try {
    return await answerNow(upload, query, catalogue);
  } finally {
    upload.release();
  }
}

async function answerNow(
  upload: Upload,
  query: Record<string, unknown>,
  catalogue: Catalogue,
): Promise<LeakAnswer> {
  const { knowledge } = catalogue;
  const asked = readRequest(leaksQuerySchema, withFields(query, upload), 'invalid-query');
  const machine = machineOfQuery(asked, knowledge.windows);
  const options = { everyMs: asked.every, companions: companionTags(knowledge.advice) };
  const report = await reportOfUpload(upload.texts, options);
  if (report === null) throw new PooltagError('nothing-recognised', NOTHING_RECOGNISED);
  return answerLeaks(report, catalogue, { view: viewOfQuery(asked), machine });
}

/** Names of the query that a form may give; its buttons and fields of a page's own are nobody's mistake. */
function withFields(query: Record<string, unknown>, { fields }: Upload): Record<string, unknown> {
  const given = new Map<string, unknown>();
  for (const name of Object.keys(leaksQuerySchema.shape)) {
    const values = fields.get(name);
    if (values !== undefined) given.set(name, values.length === 1 ? values[0] : values);
  }
  return { ...Object.fromEntries(given), ...query };
}
