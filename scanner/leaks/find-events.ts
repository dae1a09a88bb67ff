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

/** Bursts may stand on each other; what is left of them is looked at again so many times. */
const PASSES = 3;

/**
 * The series without runs of points that jump away and return, each at most a sixth of it. Where the series begins high
 * or ends high, the run counts too if it is level: what else it was, the points beside it cannot tell. `floor` is a
 * change that is always usual.
 */
export function takeOutBursts(values: Float64Array, floor: number): { calm: Float64Array; bursts: Burst[] } {
  let calm = values;
  const all: Burst[] = [];
  if (values.length < LEAST_POINTS) return { calm, bursts: all };
  for (let pass = 0; pass < PASSES; pass++) {
    const changes = Float64Array.from(calm.subarray(1), (value, i) => value - calm[i]);
    const usual = median(changes);
    const least = JUMP * Math.max(robustDeviation(changes), floor);
    const bursts = findBursts(calm, changes, usual, least);
    if (bursts.length === 0) break;
    calm = fillBursts(calm, bursts, usual, least);
    all.push(...bursts);
  }
  return { calm, bursts: joined(all) };
}

function findBursts(values: Float64Array, changes: Float64Array, usual: number, least: number): Burst[] {
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
  // A single last point decides nothing, and may be the first of a leak.
  const isAtEnd = jump > 0 && last - before <= longest && last - before > 1;
  return isAtEnd && isLevel(values, before + 1, last, jump) ? last : undefined;
}

function isLevel(values: Float64Array, from: number, to: number, jump: number): boolean {
  const near = LEFT_OVER * Math.abs(jump);
  return values.subarray(from, to + 1).every(value => Math.abs(value - values[from]) <= near);
}

/** A line between the points beside each burst; where they are far apart, the jump is left and no ramp is made of it. */
function fillBursts(
  values: Float64Array,
  bursts: readonly Burst[],
  usual: number,
  least: number,
): Float64Array {
  const calm = Float64Array.from(values);
  for (const { from, to } of bursts) {
    const steps = to - from + 2;
    const hasAfter = to + 1 < values.length;
    const after = hasAfter ? values[to + 1] : calm[from - 1] + usual * steps;
    const before = from > 0 ? calm[from - 1] : after - usual * steps;
    const slope = Math.abs(after - before - usual * steps) > least ? usual : (after - before) / steps;
    for (let i = from; i <= to; i++) calm[i] = before + slope * (i - from + 1);
  }
  return calm;
}

/** In their order, with those that touch as one. */
function joined(bursts: Burst[]): Burst[] {
  const result: Burst[] = [];
  for (const burst of bursts.sort((a, b) => a.from - b.from)) {
    const last = result[result.length - 1];
    if (last !== undefined && burst.from <= last.to + 1) last.to = Math.max(last.to, burst.to);
    else result.push({ ...burst });
  }
  return result;
}
