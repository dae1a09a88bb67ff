/** Sizes, rates and times as the page of leaks and its report write them. */
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { groupedNumber } from './evidence-phrases.ts';

/** What stands where a format does not print a figure. */
export const NOT_PRINTED = '–';

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;
/** Windows and its tools count so. */
const BYTES_PER_STEP = 1024;

/** A unit for sizes up to this one: `{ name: 'MB', bytes: 1048576 }`. */
export function sizeUnit(bytes: number): { name: string; bytes: number } {
  const size = Math.abs(bytes);
  let step = 0;
  // What would be rounded to 1,024 KB is 1 MB.
  while (step < UNITS.length - 1 && size / BYTES_PER_STEP ** step >= BYTES_PER_STEP - 0.5) step++;
  return { name: UNITS[step], bytes: BYTES_PER_STEP ** step };
}

/** `3.9 MB`, `-120 KB`, `1 byte`: three digits are enough to compare, the tables have every one. */
export function sizeText(bytes: number): string {
  const unit = sizeUnit(bytes);
  const name = unit.name === 'bytes' && Math.abs(bytes) === 1 ? 'byte' : unit.name;
  return `${shortNumber(bytes / unit.bytes)} ${name}`;
}

/** `115 KB an hour`. */
export function rateText(bytesPerHour: number): string {
  return `${sizeText(bytesPerHour)} an hour`;
}

/** `3.9`, `115`, `1,000`: a number with three digits or all of its whole part. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  const places = size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2;
  return signed(Number(value.toFixed(places)).toLocaleString('en-GB', { maximumFractionDigits: 2 }));
}

/** Every digit: `12,345,678`. */
export function exactNumber(value: number | null | undefined): string {
  return value == null ? NOT_PRINTED : signed(groupedNumber(Math.round(value)));
}

/** `4.2 %`. */
export function shareText(share: number): string {
  return `${shortNumber(share * 100)} %`;
}

/** `25 minutes`, `9.5 hours`, `12 days`. */
export function durationText(hours: number): string {
  if (hours < 1) return withNoun(Math.round(hours * 60), 'minute');
  if (hours < 72) return withNoun(Math.round(hours * 10) / 10, 'hour');
  return withNoun(Math.round(hours / 24), 'day');
}

/** `2026-11-29 10:00:00`, in UTC. Beyond what a date can hold: {@link NOT_PRINTED}. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? NOT_PRINTED : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** `nonpaged pool`. */
export function poolText(pool: Pool | undefined): string {
  return pool === undefined ? 'pool not told' : `${pool} pool`;
}

function withNoun(count: number, noun: string): string {
  return `${shortNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** With the sign that tables align. */
function signed(text: string): string {
  return text.replace(/^-/, '\u2212');
}
