/** Six snapshots or more: the verdict from the evidence for a leak, and the sentences that say why. */

import { count, counted, hoursInWords } from '../../data/quantity-words.ts';
import { judgeFew } from './judge-few.ts';
import {
  allocationSentences,
  amountWords,
  changeSentence,
  endsOf,
  type Judgement,
  type JudgementContext,
} from './judgement.ts';
import { chanceOfUps } from './monotone-trend.ts';
import { median } from './select-rank.ts';
import type { TagStudy } from './study-tag.ts';

/** Ten times likelier a leak than anything else deserves a look, though among thousands of tags some do by chance. */
const SUSPICIOUS = Math.log(10);
/**
 * A leak among so many tags must be so many times likelier than anything else, three times: each tag is a chance of a
 * false alarm. Markov's bound would ask for more; on simulated machines the factor is ten times as sharp as that.
 */
const FACTOR_PER_TAG = 3;
/** As much for growth that ended, for falling, and for a daily wave. */
const CLEAR = Math.log(20);
/** Less than a page is not worth anyone's time. */
const LEAST_BYTES = 4_096;
const LEAST_ALLOCATIONS = 8;
/** How far from its middle a tag may be carried by the hours of the day, as a part of its level. */
const WAVE = 0.3;
/** Less of a day than this shows too little to fit a wave, so that one must be reckoned with. */
const HOURS_TO_FIT_WAVE = 15.6;
/** Caches may take a working day to fill; until then they look like a leak. */
const HOURS_OF_WARM_UP = 8;
/** Growth by a tenth of all that is in use, or that fills the pool within two days, is called a leak all the same. */
const MUCH_OF_POOL = 0.1;
const SOON_HOURS = 48;
/** Places tags that a daily wave may explain behind all others of their verdict. */
const BEHIND = 1_000;
const MOST_FACTOR = 1e6;
/** A curve that has reached its level only so late has not been seen to stay there. */
const STILL_RISING = 0.7;

export function judgeTrend(study: TagStudy, context: JudgementContext): Judgement {
  const { evidence } = study;
  const sentence = changeSentence(study, context);
  if (study.isConstant)
    return {
      verdict: 'steady',
      reasons: [study.bursts.length === 0 ? sentence : `${sentence} ${burstWords(study)}`],
      score: Number.NEGATIVE_INFINITY,
    };
  // Too many different gaps: what little is left to say.
  if (evidence === undefined) return judgeFew(study, context);
  const growth = robustGrowth(study);
  const least = study.unit === 'bytes' ? LEAST_BYTES : LEAST_ALLOCATIONS;
  const score = evidence.leak;
  if (evidence.leak >= SUSPICIOUS && growth >= least) {
    const doubts = doubtsOf(study, growth, context);
    if (doubts.length === 0)
      return {
        verdict: 'leaking',
        reasons: [
          sentence,
          factorSentence(evidence.leak),
          ...allocationSentences(study),
          ...burstSentences(study),
        ],
        score,
      };
    return {
      verdict: 'suspicious',
      reasons: [
        sentence,
        ...doubts.map(({ text }) => text),
        ...allocationSentences(study),
        ...burstSentences(study),
      ],
      score: doubts.some(({ isWave }) => isWave) ? score - BEHIND : score,
    };
  }
  if (evidence.bounded >= CLEAR && evidence.bounded >= evidence.falling && growth >= least)
    return {
      verdict: 'growing but bounded',
      reasons: [sentence, endedSentence(study, context), ...burstSentences(study)],
      score,
    };
  if (evidence.falling >= CLEAR && growth <= -least)
    return { verdict: 'shrinking', reasons: [sentence, ...burstSentences(study)], score };
  return { verdict: 'steady', reasons: [steadySentence(study, sentence), ...burstSentences(study)], score };
}

/** Why this is not called a leak, though it looks like one. */
function doubtsOf(
  study: TagStudy,
  growth: number,
  context: JudgementContext,
): { text: string; isWave?: true }[] {
  const { spanHours, tested, falseRate } = context;
  const doubts: { text: string; isWave?: true }[] = [];
  const { leak } = study.evidence!;
  if (leak < Math.log(Math.max(1 / falseRate, FACTOR_PER_TAG * tested)))
    doubts.push({
      text: `A leak explains this ${factorWords(leak)} better than noise, a daily wave, a step or a filling cache, but of ${counted(tested, 'changing tag')} some look so by chance: more snapshots will tell.`,
    });
  const changes = study.ups + study.downs;
  if (changes < study.calm!.length / 2 && chanceOfUps(study.ups, changes) > falseRate / tested)
    doubts.push({ text: `It changed only ${counted(changes, 'time')}, which may be chance.` });
  if (!stillGrows(study.calm!)) doubts.push({ text: 'It did not grow any more at the end.' });
  if (spanHours !== undefined && spanHours < HOURS_TO_FIT_WAVE) {
    const level = median(study.calm!);
    const byWave = 2 * WAVE * Math.sin((Math.PI * Math.min(12, spanHours)) / 24) * level;
    if (growth <= byWave)
      doubts.push({
        text: `A tag that goes up and down with the day could do the same within ${hoursInWords(spanHours)}: compare a whole day.`,
        isWave: true,
      });
    else if (spanHours < HOURS_OF_WARM_UP && !isUrgent(study, growth, context))
      doubts.push({
        text: `A cache that fills for hours could do the same within ${hoursInWords(spanHours)}: compare a working day.`,
      });
  }
  return doubts;
}

function isUrgent(study: TagStudy, growth: number, { poolBytes, limitBytes }: JudgementContext): boolean {
  if (study.unit !== 'bytes') return false;
  const used = poolBytes[study.known.pool];
  const limit = limitBytes[study.known.pool];
  if (used === undefined) return false;
  const isSoon = limit !== undefined && (limit - used) / study.trend!.slope <= SOON_HOURS;
  return isSoon || growth >= MUCH_OF_POOL * used;
}

/** From the first to the last sixth of the points, so that no single one decides. */
function robustGrowth({ calm }: TagStudy): number {
  const part = Math.max(1, Math.floor(calm!.length / 6));
  return median(calm!.subarray(calm!.length - part)) - median(calm!.subarray(0, part));
}

function stillGrows(calm: Float64Array): boolean {
  const part = Math.max(1, Math.floor(calm.length / 6));
  const end = calm.length;
  return median(calm.subarray(end - part)) > median(calm.subarray(end - 2 * part, end - part));
}

function factorSentence(leak: number): string {
  return `It grows to the end: a leak explains the numbers ${factorWords(leak)} better than noise, a daily wave, a step or a filling cache.`;
}

function factorWords(logarithm: number): string {
  const factor = Math.exp(Math.min(50, logarithm));
  return factor >= MOST_FACTOR ? 'more than a million times' : `${count(Math.floor(factor))} times`;
}

function endedSentence(study: TagStudy, { spanHours }: JudgementContext): string {
  const shape = study.evidence!.bestBounded!;
  const [, last] = endsOf(study);
  const when =
    spanHours === undefined
      ? `by snapshot ${Math.ceil(shape.to * (study.points!.values.length - 1)) + 1} of those tested`
      : `within the first ${hoursInWords(shape.to * spanHours)}`;
  if (shape.to > STILL_RISING)
    return 'It rose ever more slowly, as a cache does that fills, and the numbers do not tell whether it goes on.';
  return shape.kind === 'step'
    ? 'It rose at once and stayed there: that is a step, not a leak.'
    : `It rose ${when} and has stayed near ${amountWords(study, last)} since, as a cache does that is full.`;
}

function steadySentence(study: TagStudy, sentence: string): string {
  const low = Math.min(...study.calm!);
  const high = Math.max(...study.calm!);
  const [from, to] = [amountWords(study, low), amountWords(study, high)];
  const range = from === to ? `near ${to}` : `between ${from} and ${to}`;
  if (study.evidence!.wave >= CLEAR) return `Goes up and down with the day, ${range}. ${sentence}`;
  return `${from === to ? 'Stays' : 'Moves'} ${range} without a trend that goes on. ${sentence}`;
}

function burstSentences(study: TagStudy): string[] {
  return study.bursts.length === 0 ? [] : [burstWords(study)];
}

function burstWords({ bursts }: TagStudy): string {
  return `${bursts.length === 1 ? 'One burst that came and went is' : `${bursts.length} bursts that came and went are`} left out of this.`;
}
