/** Looks up many tags at once: for each input its owner in short, or why there is none. */

import type { TagRecord } from '../data/facts.ts';
import { tagId } from '../data/pool-tag.ts';
import { tagReadings } from '../data/tag-readings.ts';
import type { ArticleView, Links, Owner } from './answer-document.ts';
import { articleLinks } from './answer-links.ts';
import type { AnswerSource } from './answer-source.ts';
import { articleViews } from './article-answer.ts';
import { chooseReadings, isKnown } from './known-readings.ts';
import type { Machine } from './leak-applies.ts';
import { type Problem, problemOf } from './problems.ts';
import { shortAnswer } from './tag-pointers.ts';
import { problemOfReadings } from './tag-problem.ts';

/** The answer to one input. */
export type LookupAnswer =
  | {
      input: string;
      found: true;
      tag: string;
      id: string;
      readAs?: string;
      summary: string;
      owners: Owner[];
      articles?: LeakPointer[];
    }
  | { input: string; found: false; problem: Problem };

/** A known leak in short. */
type LeakPointer = Pick<ArticleView, 'id' | 'title' | 'applies'> & { links: Links };

/**
 * Answers in the order asked, with known leaks where something is said of the machine. Throws SearchUnavailable where
 * the index does not answer.
 */
export async function lookUp(
  inputs: readonly string[],
  source: AnswerSource,
  machine?: Machine,
): Promise<LookupAnswer[]> {
  const reads = inputs.map(input => ({ input, read: tagReadings(input) }));
  const readable = reads.flatMap(({ input, read }) =>
    read.kind === 'readings' ? [{ input, candidates: read.candidates }] : [],
  );
  const chosen = (await chooseReadings(readable, source)).values();
  return reads.map(({ input, read }): LookupAnswer => {
    if (read.kind !== 'readings') {
      const { code, message, search } = problemOfReadings(input, read);
      return { input, found: false, problem: problemOf(code, message, search && { links: { search } }) };
    }
    const { taken, reading } = chosen.next().value!;
    const { tag, record, covering } = taken;
    const readAs = reading.isPlain ? {} : { readAs: reading.as };
    if (isKnown(taken)) {
      const { summary, owners } = shortAnswer(tag, record, covering, source);
      const leaks =
        machine === undefined ? {} : { articles: leakPointers([record, ...covering], source, machine) };
      return { input, found: true, tag, id: tagId(tag), ...readAs, summary, owners, ...leaks };
    }
    return { input, found: false, problem: problemOf('unknown-tag', undefined, { tag, id: tagId(tag) }) };
  });
}

function leakPointers(
  records: readonly (TagRecord | undefined)[],
  source: AnswerSource,
  machine: Machine,
): LeakPointer[] {
  return articleViews(records, source, machine).map(({ id, title, applies }) => ({
    id,
    title,
    applies,
    links: articleLinks(id),
  }));
}
