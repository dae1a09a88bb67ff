/** Reads how far apart snapshots were taken: `30s`, `5m`, `30m`, `2h`, `1d`. */

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
/** Snapshots further apart are no series. */
const MAX_MS = 366 * 86_400_000;

/** What a duration must be, to be put after "it must be". */
export const DURATION_FORM =
  'a number with s, m, h or d for seconds, minutes, hours or days, such as 30s, 5m, 2h or 1d';

/** Milliseconds; undefined for what is no duration, is zero, or is longer than a year. */
export function readDuration(text: string): number | undefined {
  const read = /^(\d{1,9}(?:\.\d{1,3})?) ?(s|m|h|d|sec|min|seconds?|minutes?|hours?|days?)$/i.exec(
    text.trim(),
  );
  if (read === null) return undefined;
  const ms = Number(read[1]) * UNIT_MS.get(read[2][0].toLowerCase())!;
  return ms >= 1 && ms <= MAX_MS ? ms : undefined;
}
