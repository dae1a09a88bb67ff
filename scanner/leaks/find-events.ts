/** Bursts, which come and go, and what a series is without them. */
import { median, robustDeviation } from './select-rank.ts';

export interface Burst {
  /** First and last point that stand out; the series may begin or end with them. */
  from: number;
  to: number;
}

/** How many usual changes between two points make a jump that is none of them. */
const JUMP = 6;
/** A burst that lasts longer is a step, and back. */
const MOST_OF_SERIES = 1 / 6;
const LEAST_POINTS = 6;
/** How much of a jump must be gone again for it to be over. */
const LEFT_OVER = 0.4;

/**
 * Runs of points that jump away and return: at most a sixth of the series each. Where the series begins high or ends
 * high, the run counts too if it is level: what else it was, the points beside it cannot tell. `floor` is a change that
 * is always usual.
 */
export function findBursts(values: Float64Array, floor: number): Burst[] {
  if (values.length < LEAST_POINTS) return [];
  const changes = Float64Array.from(values.subarray(1), (value, i) => value - values[i]);
  const usual = median(changes);
  const least = JUMP * Math.max(robustDeviation(changes), floor);
  const longest = Math.max(1, Math.floor(values.length * MOST_OF_SERIES));
  const bursts: Burst[] = [];
  const start = changes.subarray(0, longest).findIndex(change => usual - change > least);
  if (start >= 0 && isLevel(values, 0, start, changes[start])) bursts.push({ from: 0, to: start });
  for (let i = bursts.length === 0 ? 0 : start + 1; i < changes.length; i++) {
    const jump = changes[i] - usual;
    if (Math.abs(jump) <= least) continue;
    const to = lastOfBurst(values, i, jump, usual, longest);
    if (to === undefined) continue;
    bursts.push({ from: i + 1, to });
    i = to;
  }
  return bursts;
}

/** The last point that is still away after the jump behind point `before`; undefined where it does not come back. */
function lastOfBurst(
  values: Float64Array,
  before: number,
  jump: number,
  usual: number,
  longest: number,
): number | undefined {
  const last = values.length - 1;
  for (let back = before + 2; back <= Math.min(last, before + 1 + longest); back++) {
    const left = (values[back] - values[before] - usual * (back - before)) / jump;
    if (Math.abs(left) <= LEFT_OVER) return back - 1;
  }
  const isAtEnd = jump > 0 && last - before <= longest;
  return isAtEnd && isLevel(values, before + 1, last, jump) ? last : undefined;
}

function isLevel(values: Float64Array, from: number, to: number, jump: number): boolean {
  const near = LEFT_OVER * Math.abs(jump);
  return values.subarray(from, to + 1).every(value => Math.abs(value - values[from]) <= near);
}

/** The series with a straight line in place of each burst. */
export function withoutBursts(values: Float64Array, bursts: readonly Burst[]): Float64Array {
  if (bursts.length === 0) return values;
  const calm = Float64Array.from(values);
  for (const { from, to } of bursts) {
    const before = from > 0 ? calm[from - 1] : values[to + 1];
    const after = to + 1 < values.length ? values[to + 1] : before;
    for (let i = from; i <= to; i++) calm[i] = before + ((after - before) * (i - from + 1)) / (to - from + 2);
  }
  return calm;
}
