/** DayOrder: whether the dates of a text begin with the month, as the text as a whole tells, or the date of its file. */
import type { PrintedTime } from './printed-time.ts';

const DAY_MS = 24 * 3600_000;
/** The text has local time and the file another zone's, and a screen may be saved the day after. */
const FILE_LAG_MS = 2 * DAY_MS;
/** The wrong reading is off by a month at least, mostly. */
const NEAR_MS = 10 * DAY_MS;
const FAR_MS = 20 * DAY_MS;

export class DayOrder {
  #isMonthFirst: boolean | undefined;
  #isGuessed = false;
  #previous: PrintedTime | undefined;

  isUndecided(time: PrintedTime): boolean {
    return this.#isMonthFirst === undefined && time.monthFirstMs !== time.dayFirstMs;
  }

  timeOf(time: PrintedTime): number {
    return this.#isMonthFirst === false ? time.dayFirstMs : time.monthFirstMs;
  }

  /** Takes a date into account; true where it shows that a guess was wrong. */
  learn(time: PrintedTime): boolean {
    const { isMonthFirst } = time;
    if (isMonthFirst === undefined) {
      if (this.#isMonthFirst === undefined) this.#compare(time);
      return false;
    }
    const wasWrong = this.#isGuessed && isMonthFirst !== this.#isMonthFirst;
    if (wasWrong) this.#isGuessed = false;
    if (wasWrong || this.#isMonthFirst === undefined) this.#isMonthFirst = isMonthFirst;
    return wasWrong;
  }

  /** Decides by the date of the file, where it fits one reading of this time only; true where that is a mere guess. */
  decide(time: PrintedTime, fileTimeMs: number | undefined): boolean {
    const order = fileTimeMs === undefined ? undefined : nearer(time, fileTimeMs);
    this.#isMonthFirst = order ?? true;
    this.#isGuessed = order === undefined;
    return this.#isGuessed;
  }

  /** Logs go on from day to day: the reading that lets less time pass, and none backwards, is the right one. */
  #compare(time: PrintedTime): void {
    const previous = this.#previous;
    this.#previous = time;
    if (previous === undefined) return;
    const monthFirst = time.monthFirstMs - previous.monthFirstMs;
    const dayFirst = time.dayFirstMs - previous.dayFirstMs;
    if (monthFirst === dayFirst) return;
    if (monthFirst < 0 !== dayFirst < 0) this.#isMonthFirst = dayFirst < 0;
    else this.#isMonthFirst = Math.abs(monthFirst) < Math.abs(dayFirst);
  }
}

/** A file is written after what is in it, and mostly not long after. */
function nearer(time: PrintedTime, fileTimeMs: number): boolean | undefined {
  const monthFirst = fileTimeMs + FILE_LAG_MS - time.monthFirstMs;
  const dayFirst = fileTimeMs + FILE_LAG_MS - time.dayFirstMs;
  if (monthFirst < 0 !== dayFirst < 0) return dayFirst < 0;
  if (Math.min(monthFirst, dayFirst) > NEAR_MS || Math.max(monthFirst, dayFirst) < FAR_MS) return undefined;
  return monthFirst < 0 ? undefined : monthFirst < dayFirst;
}
