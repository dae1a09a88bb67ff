/** A verdict on one tag, with what it rests on; and what all verdicts of a report have in common. */
import {
  bytesInWords,
  count,
  fractionInWords,
  hoursInWords,
  shareInWords,
} from '../../data/quantity-words.ts';
import type { Verdict } from './leak-report.ts';
import type { TagStudy } from './study-tag.ts';

export interface Judgement {
  verdict: Verdict;
  /** Full sentences, the decisive one first. */
  reasons: string[];
  /** Orders tags of one verdict: higher is more suspicious. */
  score: number;
}

export interface JudgementContext {
  /** From the first to the last compared snapshot; undefined where times are not known. */
  spanHours: number | undefined;
  /** Compared snapshots, and those of them that are kept: the steps that sentences count are between these. */
  compared: number;
  /** Tags whose numbers change: so many chances of a false alarm. */
  tested: number;
  /** The rate of false alarms that is allowed over all tags. */
  falseRate: number;
  /**
   * Bytes of the pool that are in use at the last snapshot, or of the rows that are listed where nothing tells those;
   * and bytes that it may hold, where known.
   */
  poolBytes: { nonpaged?: number; paged?: number };
  limitBytes: { nonpaged?: number; paged?: number };
}

/** `1.2 MB` or `300 allocations`, in the unit that the study measured. */
export function amountWords(study: TagStudy, amount: number): string {
  return study.unit === 'bytes' ? bytesInWords(amount) : `${fractionInWords(amount)} allocations`;
}

/** `Grew from 1.2 MB to 3.9 MB in 23.5 hours: 115 KB an hour (95 % between 108 KB and 121 KB), in 46 of 47 steps up.` */
export function changeSentence(study: TagStudy, { spanHours, compared }: JudgementContext): string {
  const [first, last] = endsOf(study);
  const change = last - first;
  const verb = change > 0 ? 'Grew' : change < 0 ? 'Fell' : 'Stayed';
  const [from, to] = [amountWords(study, first), amountWords(study, last)];
  const by = amountWords(study, Math.abs(change));
  // A little of a lot: both ends read alike.
  const ends = change === 0 ? `at ${to}` : from === to ? `by ${by} to ${to}` : `from ${from} to ${to}`;
  const time =
    spanHours === undefined
      ? ` between the first and the last of ${compared} snapshots`
      : ` in ${hoursInWords(spanHours)}`;
  const { trend } = study;
  const rate =
    spanHours === undefined || trend === undefined
      ? ''
      : `: ${amountWords(study, trend.slope)} an hour (95 % between ${amountWords(study, trend.low)} and ${amountWords(study, trend.high)})`;
  const steps = study.points!.values.length - 1;
  const ups = countUps(study.points!.values);
  const upward = steps < 2 ? '' : `, in ${ups} of ${steps} steps up`;
  return `${verb} ${ends}${time}${rate}${upward}.`;
}

function countUps(values: Float64Array): number {
  let ups = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[i - 1]) ups++;
  return ups;
}

/** What was allocated and not freed; nothing where the counters are not printed or tell nothing. */
export function allocationSentences({ allocated, freed }: TagStudy): string[] {
  if (allocated === undefined || freed === undefined || allocated <= 0 || freed < 0) return [];
  if (freed === 0) return [`${count(allocated)} were allocated in that time and not one was freed.`];
  const kept = allocated - freed;
  if (kept <= 0) return [];
  return [
    `Of ${count(allocated)} allocations in that time ${count(kept)} were not freed (${shareInWords(kept / allocated)}).`,
  ];
}

/** First and last number in the study's unit, of which there are two at least. */
export function endsOf(study: TagStudy): [first: number, last: number] {
  const values = study.unit === 'bytes' ? study.bytes : study.diff;
  return [
    values.find(value => !Number.isNaN(value)) ?? 0,
    values.findLast(value => !Number.isNaN(value)) ?? 0,
  ];
}
