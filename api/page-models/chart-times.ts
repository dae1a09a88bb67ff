/** What charts have along the bottom: times, hours where only the interval was given, or the numbers of snapshots. */
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { countTicks, hourTicks, type Tick, timeTicks } from './chart-ticks.ts';
import { exactNumber, timeText } from './leak-numbers.ts';

/** What a date can hold, in milliseconds from 1970. */
const MAX_TIME_MS = 8.64e15;
const MS_PER_HOUR = 3_600_000;

/** A place on the axis is a whole number: milliseconds, since 1970 or since the first snapshot, or a snapshot's number. */
export interface ChartTimes {
  /** Names the kind for the script of the page. */
  kind: 'clock' | 'hours' | 'count';
  label: string;
  /** What a title says: `over time`. */
  course: string;
  /** The place of a snapshot, by its index in the answer. */
  at(snapshot: number): number;
  /** In a cell of a table under {@link label}, and in a sentence. */
  cell(at: number): string;
  phrase(at: number): string;
  ticks(from: number, to: number): Tick[];
}

/** The axis for these snapshots. Where one of them has no time, all are counted. */
export function chartTimes(indexes: readonly number[], snapshots: LeakAnswer['snapshots']): ChartTimes {
  if (isKnown(indexes.map(index => snapshots[index]?.givenHours))) {
    return {
      kind: 'hours',
      label: 'Hours since the first snapshot',
      course: 'over time',
      at: snapshot => Math.round(snapshots[snapshot].givenHours! * MS_PER_HOUR),
      cell: hours,
      phrase: at => `after ${hours(at)} hours`,
      ticks: hourTicks,
    };
  }
  const isClock = isKnown(indexes.map(index => snapshots[index]?.takenAtMs));
  return isClock
    ? {
        kind: 'clock',
        label: 'Time (UTC)',
        course: 'over time',
        at: snapshot => snapshots[snapshot].takenAtMs!,
        cell: timeText,
        phrase: at => `${timeText(at)} UTC`,
        ticks: timeTicks,
      }
    : {
        kind: 'count',
        label: 'Snapshot',
        course: 'by snapshot',
        at: snapshot => snapshot + 1,
        cell: exactNumber,
        phrase: at => `snapshot ${at}`,
        ticks: countTicks,
      };
}

function isKnown(times: readonly (number | undefined)[]): boolean {
  return times.every(time => time !== undefined && Math.abs(time) <= MAX_TIME_MS);
}

/** Three places are seconds. */
function hours(ms: number): string {
  return (ms / MS_PER_HOUR).toLocaleString('en-GB', { maximumFractionDigits: 3 });
}
