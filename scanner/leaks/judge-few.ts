/** Two to five snapshots: what grew is named, but nothing is called a leak. */
import { shareInWords } from '../../data/quantity-words.ts';
import {
  allocationSentences,
  changeSentence,
  endsOf,
  type Judgement,
  type JudgementContext,
} from './judgement.ts';
import type { TagStudy } from './study-tag.ts';

/** Changes of less than a tenth are what busy tags do from one minute to the next. */
const USUAL_CHANGE = 0.1;
/** A few pages more or less are no finding. */
const LEAST_BYTES = 32 * 2 ** 10;
const LEAST_ALLOCATIONS = 100;
/** That many allocations of which none is freed are more than a chance. */
const MANY_UNFREED = 20;
/** Growth by a twentieth of the whole pool matters whatever the tag held before. */
const MUCH_OF_POOL = 0.05;
/** Growth that has stopped: the last step is less than so much of the whole. */
const STOPPED = 0.05;

export function judgeFew(study: TagStudy, context: JudgementContext): Judgement {
  const [first, last] = endsOf(study);
  const growth = last - first;
  const level = Math.max(first, last - growth, 1);
  const change = growth / level;
  const values = study.points!.values;
  const steps = values.length - 1;
  const rises = Array.from(values.subarray(1), (value, i) => value - values[i]);
  const ups = rises.filter(rise => rise > 0).length;
  const downs = rises.filter(rise => rise < 0).length;
  const sentence = changeSentence(study, context);
  const least = study.unit === 'bytes' ? LEAST_BYTES : LEAST_ALLOCATIONS;
  // Both count: much of a large cache moves without a leak, and a small tag that grew a thousandfold did not.
  const score = growth <= 0 ? -1 : Math.log1p(growth / least) * Math.log1p(change / USUAL_CHANGE);
  const pool = study.unit === 'bytes' ? context.poolBytes[study.known.pool] : undefined;
  const isUnfreed = study.freed === 0 && (study.allocated ?? 0) >= MANY_UNFREED;
  const isMuch = pool !== undefined && growth >= MUCH_OF_POOL * pool;
  if (growth >= least && (change >= USUAL_CHANGE || isUnfreed || isMuch)) {
    if (steps >= 3 && Math.abs(rises[steps - 1]) < STOPPED * growth)
      return {
        verdict: 'growing but bounded',
        reasons: [sentence, 'At the last snapshot it had stopped growing.'],
        score,
      };
    if (ups === steps)
      return {
        verdict: 'suspicious',
        reasons: [sentence, ...allocationSentences(study), weakWords(values.length)],
        score,
      };
    return {
      verdict: 'steady',
      reasons: [sentence, 'It went down as well as up, so few snapshots show no trend.'],
      score,
    };
  }
  if (growth <= -least && -change >= USUAL_CHANGE && downs === steps)
    return { verdict: 'shrinking', reasons: [sentence], score };
  const words =
    growth === 0
      ? sentence
      : `${sentence} That is a change of ${shareInWords(change)}, such as any busy tag shows.`;
  return { verdict: 'steady', reasons: [words], score };
}

function weakWords(snapshots: number): string {
  return snapshots === 2
    ? 'Two snapshots cannot tell a leak from a busy hour: take more, at least six over a day.'
    : `${snapshots} snapshots can hardly tell a leak from a busy hour: take more, at least six over a day.`;
}
