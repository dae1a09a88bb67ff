/** Figures and times of tables and axes, as the page of leaks and its report write them. */
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { groupedNumber } from './evidence-phrases.ts';

/** What stands where a format does not print a figure. */
const NOT_PRINTED = '–';

/** Every digit: `12,345,678`. */
export function exactNumber(value: number | null | undefined): string {
  return value == null ? NOT_PRINTED : signed(groupedNumber(Math.round(value)));
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

/** With the sign that tables align. */
function signed(text: string): string {
  return text.replace(/^-/, '\u2212');
}
