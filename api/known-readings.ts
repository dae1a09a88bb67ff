/** Chooses among the readings of an input by what is known of each. */
import type { TagRecord } from '../data/facts.ts';
import { isEmptyRecord } from '../data/merge.ts';
import { patternSpecificity } from '../data/pool-tag.ts';
import type { TagCandidate } from '../data/tag-readings.ts';
import type { Reading } from './answer-document.ts';
import { tagLinks } from './answer-links.ts';
import type { AnswerSource } from './answer-source.ts';
import { isTold } from './tag-pointers.ts';

/** A reading of the input with what is known of its tag. */
export interface KnownReading extends TagCandidate {
  record: TagRecord | undefined;
  /** Wildcard entries that cover the tag, the most specific first. */
  covering: TagRecord[];
}

/** The reading that was taken of one input, and how to say so. */
export interface ChosenReading {
  taken: KnownReading;
  reading: Reading;
}

/** A wildcard entry that fixes fewer bytes covers so many tags that it says little for a reading. */
const TELLING_SPECIFICITY = 3;

/**
 * Chooses the reading of each input: the first whose very tag is told of, or that a narrow wildcard covers; then the
 * first of which anything is known (a wide wildcard, bytes without proof); then the first. All of it in two questions
 * to the index, however many inputs there are.
 */
export async function chooseReadings(
  inputs: readonly { input: string; candidates: readonly TagCandidate[] }[],
  { index }: AnswerSource,
): Promise<ChosenReading[]> {
  const records = await index.findMany(inputs.flatMap(({ candidates }) => candidates.map(({ tag }) => tag)));
  let next = 0;
  const found = inputs.map(({ candidates }) =>
    candidates.map(candidate => ({ ...candidate, record: records[next++] })),
  );
  return Promise.all(
    inputs.map(async ({ input }, i) => {
      // Where the likeliest reading is a known tag, no wildcard can change the choice.
      const open = isTold(found[i][0].record) ? found[i].slice(0, 1) : found[i];
      const covering = await Promise.all(open.map(({ tag }) => index.covering(tag)));
      const readings = open.map((candidate, j) => ({ ...candidate, covering: covering[j] }));
      const taken = readings.find(isSure) ?? readings.find(isKnown) ?? readings[0];
      const also = found[i].filter(({ tag, record }) => tag !== taken.tag && isTold(record));
      return {
        taken,
        reading: {
          input,
          as: taken.as,
          isPlain: taken.isPlain,
          also: also.map(({ as, tag }) => ({ as, tag, links: tagLinks(tag) })),
        },
      };
    }),
  );
}

/** Whether anything at all is known of the tag. */
export function isKnown({ record, covering }: Pick<KnownReading, 'record' | 'covering'>): boolean {
  return (record !== undefined && !isEmptyRecord(record)) || covering.length > 0;
}

function isSure({ record, covering }: KnownReading): boolean {
  return isTold(record) || covering.some(({ tag }) => patternSpecificity(tag) >= TELLING_SPECIFICITY);
}
