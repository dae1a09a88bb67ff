/** Dates and times as people, shells and debuggers print them on a line of their own. */

/**
 * A time in milliseconds since 1970. Without a zone in the text it is taken as UTC, so that spans are right. Where day
 * and month cannot be told apart the two readings differ.
 */
export interface PrintedTime {
  monthFirstMs: number;
  dayFirstMs: number;
  /** The date itself tells its order: one of its numbers is above 12, or a weekday stands beside it. */
  isMonthFirst?: boolean;
}

/** A line that is longer is prose with a date in it. */
const MAX_LINE_CHARACTERS = 120;
/** Words beside the date, such as "The current date is:"; more are prose. */
const MAX_OTHER_CHARACTERS = 40;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WEEKDAY = /\b(sun|mon|tue|wed|thu|fri|sat)/i;
const MONTH = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?';
const YEAR_FIRST = /(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)/;
const YEAR_LAST = /(?<!\d)(\d{1,2})([-/.\\])(\d{1,2})\2(\d{4}|\d{2})(?!\d)/;
const DAY_MONTH_WORD = new RegExp(`(?<!\\d)(\\d{1,2})[. -]{1,2}${MONTH}[ ,-]{1,2}(\\d{4})(?!\\d)`, 'i');
const MONTH_WORD_DAY = new RegExp(`\\b${MONTH} {1,2}(\\d{1,2})(?!\\d)(?:,? {1,2}(\\d{4})(?!\\d))?`, 'i');
const TIME = /(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,:](\d{1,7}))?)?(?![\d:])/;
const ZONE_AFTER_TIME = /^ ?([+-])(\d{2}):?(\d{2})\b/;
const NAMED_ZONE = /\b(?:UTC|GMT) ?([+-]) ?(\d{1,2}):?(\d{2})?/;
const HALF = /\b([ap])\.?m\b\.?/i;
const DECORATION = /\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\b|\b(?:UTC|GMT|[A-Z]{3,4}T)\b|[^\p{L}]+/giu;

/** The time that a line tells, where it tells hardly anything else. */
export function readPrintedTime(line: string): PrintedTime | undefined {
  if (line.length > MAX_LINE_CHARACTERS || !/\d/.test(line)) return undefined;
  const time = TIME.exec(line);
  if (time === null) return undefined;
  const date = readDate(line);
  if (date === undefined) return undefined;
  const rest = line.replace(date.text, ' ').replace(time[0], ' ');
  const clockMs = clockOf(time, HALF.exec(rest)?.[1]);
  if (clockMs === undefined) return undefined;
  const others = rest.replace(HALF, ' ').replace(DECORATION, '');
  if (others.length > MAX_OTHER_CHARACTERS) return undefined;
  const shiftMs = clockMs - zoneOffsetMs(rest, line.slice(time.index + time[0].length));
  return {
    monthFirstMs: date.monthFirstMs + shiftMs,
    dayFirstMs: date.dayFirstMs + shiftMs,
    isMonthFirst: date.isMonthFirst ?? orderByWeekday(date, rest),
  };
}

/** Milliseconds of a time in ISO 8601 (UTC where it has no zone); undefined for anything else. */
export function isoTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text)) return undefined;
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text);
  // Event logs print a ten-millionth of a second; three digits are what all engines read.
  const trimmed = text.replace(' ', 'T').replace(/(\.\d{3})\d+/, '$1');
  const ms = Date.parse(hasZone ? trimmed : `${trimmed}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

interface PrintedDate {
  text: string;
  monthFirstMs: number;
  dayFirstMs: number;
  isMonthFirst?: boolean;
}

/** `Tue 11/10/2026` can be in November only. */
function orderByWeekday({ monthFirstMs, dayFirstMs }: PrintedDate, rest: string): boolean | undefined {
  const word = WEEKDAY.exec(rest)?.[1].toLowerCase();
  if (word === undefined || monthFirstMs === dayFirstMs) return undefined;
  const isMonthFirst = WEEKDAYS[new Date(monthFirstMs).getUTCDay()] === word;
  const isDayFirst = WEEKDAYS[new Date(dayFirstMs).getUTCDay()] === word;
  return isMonthFirst === isDayFirst ? undefined : isMonthFirst;
}

function readDate(line: string): PrintedDate | undefined {
  const yearFirst = YEAR_FIRST.exec(line);
  if (yearFirst !== null) return sureDate(yearFirst[0], yearFirst[1], Number(yearFirst[2]), yearFirst[3]);
  const yearLast = YEAR_LAST.exec(line);
  if (yearLast !== null) return numericDate(yearLast);
  const dayFirst = DAY_MONTH_WORD.exec(line);
  if (dayFirst !== null) return sureDate(dayFirst[0], dayFirst[3], monthNumber(dayFirst[2]), dayFirst[1]);
  const monthFirst = MONTH_WORD_DAY.exec(line);
  if (monthFirst === null) return undefined;
  // `Sun Nov 29 10:00:00 2026`: the year comes after the time.
  const year = monthFirst[3] ?? /(?<![\d.:])(?:19|20)\d\d(?!\d)/.exec(line.slice(monthFirst.index + 4))?.[0];
  if (year === undefined) return undefined;
  return sureDate(monthFirst[0], year, monthNumber(monthFirst[1]), monthFirst[2]);
}

function numericDate(match: RegExpExecArray): PrintedDate | undefined {
  const [text, first, separator, second, year] = match;
  const monthFirst = dayMs(year, Number(first), second);
  const dayFirst = dayMs(year, Number(second), first);
  const either = monthFirst ?? dayFirst;
  if (either === undefined) return undefined;
  // Where dots separate, the day comes first everywhere.
  if (separator === '.')
    return dayFirst === undefined ? undefined : sureDate(text, year, Number(second), first);
  const isMonthFirst =
    monthFirst !== undefined && dayFirst !== undefined ? undefined : monthFirst !== undefined;
  return { text, monthFirstMs: monthFirst ?? either, dayFirstMs: dayFirst ?? either, isMonthFirst };
}

function sureDate(text: string, year: string, month: number, day: string): PrintedDate | undefined {
  const ms = dayMs(year, month, day);
  return ms === undefined ? undefined : { text, monthFirstMs: ms, dayFirstMs: ms };
}

function dayMs(year: string, month: number, day: string): number | undefined {
  const fullYear = year.length === 2 ? 2000 + Number(year) : Number(year);
  const ms = Date.UTC(fullYear, month - 1, Number(day));
  const date = new Date(ms);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day) && fullYear > 1990
    ? ms
    : undefined;
}

function monthNumber(word: string): number {
  return MONTHS.indexOf(word.toLowerCase()) + 1;
}

function clockOf(match: RegExpExecArray, half: string | undefined): number | undefined {
  const [, hour, minute, second = '0', fraction = ''] = match;
  let hours = Number(hour);
  if (hours > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  if (half !== undefined && hours <= 12) hours = (hours % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  const milliseconds = Math.floor(Number(`0.${fraction || 0}`) * 1000);
  return ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1000 + milliseconds;
}

function zoneOffsetMs(rest: string, afterTime: string): number {
  const [, sign, hours, minutes = '0'] = ZONE_AFTER_TIME.exec(afterTime) ?? NAMED_ZONE.exec(rest) ?? [];
  if (sign === undefined || Number(hours) > 14) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
