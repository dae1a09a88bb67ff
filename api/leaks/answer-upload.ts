/** Answers what a request brought: its texts are read piece by piece, so that other requests are answered in between. */
import { setImmediate } from 'node:timers/promises';
import type { Catalogue } from '../catalogue.ts';
import { PooltagError } from '../pooltag-error.ts';
import { readRequest } from '../read-request.ts';
import { answerLeaks } from './answer-leaks.ts';
import type { LeakAnswer } from './leak-answer.ts';
import { leaksQuerySchema, machineOfQuery, viewOfQuery } from './leak-request.ts';
import { NOTHING_RECOGNISED, SnapshotIntake } from './snapshot-intake.ts';
import type { Upload } from './upload.ts';

/** Read in about 5 ms, as long as another request may wait. */
const PIECE_BYTES = 128 * 1024;

/** One analysis after the other: they only take turns on the same processor. */
let lastAnswer: Promise<unknown> = Promise.resolve();

/**
 * The answer to what was uploaded. `query` is what the address says; fields of the form or of JSON stand where it says
 * nothing. Releases the upload. Throws `invalid-query` for a wrong parameter and `nothing-recognised`.
 */
export async function answerUpload(
  upload: Upload,
  query: Record<string, unknown>,
  catalogue: Catalogue,
): Promise<LeakAnswer> {
  const answer = lastAnswer.then(() => answerNow(upload, query, catalogue));
  lastAnswer = answer.catch(() => undefined);
  try {
    return await answer;
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
  const intake = new SnapshotIntake({ everyMs: asked.every, advice: knowledge.advice });
  for (const { name, chunks } of upload.texts) {
    const reader = intake.open(name);
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        reader.write(chunk.subarray(at, at + PIECE_BYTES));
        if (chunk.length > PIECE_BYTES) await setImmediate();
      }
    }
    reader.end();
    await setImmediate();
  }
  if (intake.snapshots === 0) throw new PooltagError('nothing-recognised', NOTHING_RECOGNISED);
  return answerLeaks(intake.report(), catalogue, { view: viewOfQuery(asked), machine });
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
