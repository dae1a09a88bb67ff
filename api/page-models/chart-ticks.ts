/** Round numbers and round times for the axes of a chart. */
import { sizeUnit } from '../../data/quantity-words.ts';

/** A mark on an axis. */
export interface Tick {
  value: number;
  label: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map(count => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(count => count * MINUTE),
  ...[1, 2, 3, 6, 12].map(count => count * HOUR),
  ...[1, 2, 7, 14, 28, 91, 182, 364].map(count => count * DAY),
];
/** Hours from one mark to the next, where there are five and more. */
const HOUR_STEPS = [1, 2, 3, 6, 12, 24, 48, 96, 7 * 24, 14 * 24, 28 * 24];
/** More would overlap on a phone. */
const MAX_TIME_TICKS = 5;
const NUMBER_TICKS = 4;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The ends of an axis that holds these values, and what is between two marks, in bytes or plain numbers. */
export interface Scale {
  low: number;
  high: number;
  step: number;
  /** Of the labels. */
  unit: { name: string; bytes: number };
}

/**
 * A scale for values from `low` to `high`. It begins at zero, unless that would press what changes into the upper half.
 * Marks are round in the unit of the highest value: `2.5 MB`.
 */
export function sizeScale(low: number, high: number, isBytes: boolean): Scale {
  const bottom = low > 0 && low > high / 2 && low < high ? low : Math.min(0, low);
  // Equal values stand in the middle of something.
  const top = high > bottom ? high : bottom + 1;
  const unit = isBytes ? sizeUnit(Math.max(Math.abs(top), Math.abs(bottom))) : { name: '', bytes: 1 };
  // Half an allocation does not exist, and half a byte neither.
  const step = roundUp((top - bottom) / unit.bytes / NUMBER_TICKS, unit.bytes === 1) * unit.bytes;
  return { low: Math.floor(bottom / step) * step, high: Math.ceil(top / step) * step, step, unit };
}

/** The marks of a scale. */
export function sizeTicks({ low, high, step, unit }: Scale): Tick[] {
  const first = Math.round(low / step);
  const last = Math.round(high / step);
  const places = Math.max(0, -Math.floor(Math.log10(step / unit.bytes) + 1e-9));
  const ticks: Tick[] = [];
  for (let at = first; at <= last; at++) {
    const count = ((at * step) / unit.bytes).toLocaleString('en-GB', {
      maximumFractionDigits: Math.min(places + 1, 6),
    });
    ticks.push({ value: at * step, label: `${count} ${unit.name}`.trim() });
  }
  return ticks;
}

/** Round times in UTC between two, in milliseconds since 1970; dates where the span has days. */
export function timeTicks(fromMs: number, toMs: number): Tick[] {
  const span = toMs - fromMs;
  const step =
    TIME_STEPS.find(candidate => span / candidate < MAX_TIME_TICKS) ??
    Math.ceil(span / MAX_TIME_TICKS / DAY) * DAY;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) {
    ticks.push({ value: at, label: timeLabel(at, step, span) });
  }
  return ticks;
}

/** Round hours, for times in milliseconds since something. */
export function hourTicks(fromMs: number, toMs: number): Tick[] {
  const span = (toMs - fromMs) / HOUR;
  const step =
    span < MAX_TIME_TICKS
      ? roundUp(span / MAX_TIME_TICKS, false)
      : (HOUR_STEPS.find(hours => span / hours < MAX_TIME_TICKS) ?? roundUp(span / MAX_TIME_TICKS, true));
  const ticks: Tick[] = [];
  for (let n = Math.ceil(fromMs / HOUR / step); n * step * HOUR <= toMs; n++) {
    ticks.push({
      value: n * step * HOUR,
      label: (n * step).toLocaleString('en-GB', { maximumFractionDigits: 4 }),
    });
  }
  return ticks;
}

/** Whole numbers from 1 on, for points without a time. */
export function countTicks(from: number, to: number): Tick[] {
  const step = roundUp((to - from) / MAX_TIME_TICKS, true);
  const ticks: Tick[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    ticks.push({ value: at, label: at.toLocaleString('en-GB') });
  }
  return ticks;
}

function timeLabel(ms: number, stepMs: number, spanMs: number): string {
  const date = new Date(ms);
  const clock = date.toISOString().slice(11, stepMs < MINUTE ? 19 : 16);
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  if (spanMs > 300 * DAY) return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  if (stepMs >= DAY) return day;
  return stepMs >= HOUR && clock === '00:00' ? day : clock;
}

/** The next 1, 2, 2.5 or 5 times a power of ten; of whole numbers the next 1, 2 or 5. */
function roundUp(value: number, isWhole: boolean): number {
  if (!(value > (isWhole ? 1 : 0))) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factors = isWhole ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10];
  return power * (factors.find(factor => factor * power >= value * (1 - 1e-9)) ?? 10);
}
