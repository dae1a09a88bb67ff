/** What a tag's numbers say where there is nothing to compare them with: weak words, and only where they are large. */
import { bytesInWords, count, shareInWords } from '../../data/quantity-words.ts';
import type { Judgement, JudgementContext } from './judgement.ts';
import type { TagStudy } from './study-tag.ts';

/** Less than this brings no machine down soon. */
const LARGE_BYTES = 32 * 2 ** 20;
/** Buffers that are made once are few; leaked objects are many. */
const MANY_ALLOCATIONS = 1_000;
/** A tag that frees less than half of what it allocates keeps things for as long as the machine runs. */
const FEW_FREED = 0.5;
/** A tenth of what the pool may hold at all is much for one tag. */
const MUCH_OF_LIMIT = 0.1;

export function judgeSingle(study: TagStudy, { limitBytes }: JudgementContext): Judgement {
  const { allocs, frees, diff, bytes } = study.last;
  const size = bytes ?? 0;
  const reasons: string[] = [];
  const limit = limitBytes[study.known.pool];
  if (limit !== undefined && limit > 0 && size / limit >= MUCH_OF_LIMIT && size <= limit)
    reasons.push(`Holds ${bytesInWords(size)}, ${shareInWords(size / limit)} of all that the pool may hold.`);
  if (
    allocs !== undefined &&
    frees !== undefined &&
    diff !== undefined &&
    allocs > 0 &&
    diff >= MANY_ALLOCATIONS &&
    size >= LARGE_BYTES &&
    frees / allocs < FEW_FREED
  )
    reasons.push(
      `Of ${count(allocs)} allocations only ${count(frees)} were freed, and ${bytesInWords(size)} are in use.`,
    );
  if (reasons.length === 0) {
    const text =
      study.present === 0 || bytes === undefined
        ? 'It is in one snapshot only, so nothing is said of growth.'
        : `Holds ${bytesInWords(size)} in the one snapshot that shows it, so nothing is said of growth.`;
    return { verdict: 'not-compared', reasons: [text], score: size };
  }
  reasons.push('One snapshot cannot tell a leak from memory that is needed: take another in an hour.');
  return { verdict: 'suspicious', reasons, score: size };
}
