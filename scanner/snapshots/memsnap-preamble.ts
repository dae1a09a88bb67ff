/** The lines `!key=value` between the titles and the rows of a MemSnap log. */

import { printableText } from '../pe/printable-text.ts';
import type { ReadSession } from './read-session.ts';

const SYSTEM_TIME = /^(\d{1,2})[\\/](\d{1,2})[\\/](\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,4}))?/;

/** Reads such a line into the current snapshot; false for any other line. */
export function readMemsnapPreamble(line: string, session: ReadSession): boolean {
  const [, key, value] = /^\s*!([A-Za-z]{1,40})=(.*)$/.exec(line) ?? [];
  const snapshot = session.current;
  if (key === undefined || snapshot === undefined) return false;
  session.retype('memsnap');
  if (key === 'ComputerName' && value.trim() !== '') snapshot.computer = printableText(value, 100);
  if (key !== 'SystemTime') return true;
  const takenAtMs = systemTime(value.trim());
  if (takenAtMs === undefined) {
    session.remark(
      'The time of this MemSnap log cannot be read; expected !SystemTime=09\\03\\2002 15:39:31.0781 (GMT).',
    );
    return true;
  }
  snapshot.takenAtMs = takenAtMs;
  snapshot.timeFrom = 'text';
  return true;
}

/** Month, day, year; the last number counts milliseconds, with four digits. */
function systemTime(text: string): number | undefined {
  const [, month, day, year, hours, minutes, seconds, milliseconds = '0'] = SYSTEM_TIME.exec(text) ?? [];
  if (month === undefined || Number(month) > 12 || Number(day) > 31) return undefined;
  const clock = [hours, minutes, seconds, milliseconds].map(Number);
  return Date.UTC(Number(year), Number(month) - 1, Number(day), clock[0], clock[1], clock[2], clock[3]);
}
