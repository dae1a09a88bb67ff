/** Theil-Sen's slope with Sen's interval, and Mann-Kendall's test: from all pairs of points, corrected for noise that remembers. */
import { selectRank } from './select-rank.ts';

export interface MonotoneTrend {
  /** Per hour of the given hours. */
  slope: number;
  low: number;
  high: number;
  /** Mann-Kendall's probability of so much rise without a trend. */
  mannKendallP: number;
  /**
   * The smaller one of that and of the chance of so many steps up, doubled for having two; before any correction for many
   * tags. Steps of noise that remembers are no more alike than a coin's, so they tell a trend of many small steps
   * where the corrected Mann-Kendall takes it for slow noise.
   */
  risingP: number;
}

/** Two-sided quantile of the normal distribution for 95 %. */
const Z_95 = 1.959964;

/** Slopes of all pairs, used again for each tag. */
let scratch = new Float64Array(0);

/**
 * Exact over all n(n-1)/2 pairs; callers thin long series first. Ties are corrected for as Kendall does. Noise whose
 * share `memory` is left at the next point widens the variance of the statistic by Hamed and Rao's factor, with the
 * correlations of that noise in place of measured ones, which are too uncertain in 48 points.
 * Two points at least, at ascending hours.
 */
export function monotoneTrend(hours: Float64Array, values: Float64Array, memory: number): MonotoneTrend {
  const points = values.length;
  const count = (points * (points - 1)) / 2;
  if (scratch.length < count) scratch = new Float64Array(count);
  const slopes = scratch.subarray(0, count);
  let pairs = 0;
  let rises = 0;
  for (let i = 0; i < points; i++) {
    for (let j = i + 1; j < points; j++) {
      const rise = values[j] - values[i];
      if (rise > 0) rises++;
      else if (rise < 0) rises--;
      slopes[pairs++] = rise / (hours[j] - hours[i]);
    }
  }
  const variance = statisticVariance(values) * memoryFactor(points, memory);
  const reach = Z_95 * Math.sqrt(variance);
  const lowRank = Math.max(0, Math.floor((pairs - reach) / 2));
  const highRank = Math.min(pairs - 1, Math.ceil((pairs + reach) / 2));
  const middle = pairs >> 1;
  const upper = selectRank(slopes, middle);
  let slope = upper;
  if (pairs % 2 === 0) {
    let lower = slopes[0];
    for (let i = 1; i < middle; i++) lower = Math.max(lower, slopes[i]);
    slope = (lower + upper) / 2;
  }
  const low = lowRank >= middle ? slope : selectRank(slopes, lowRank, 0, middle);
  const high = highRank <= middle ? slope : selectRank(slopes, highRank, middle, pairs - 1);
  // One less, since the statistic moves in steps of two.
  const z = variance === 0 || rises === 0 ? 0 : (rises - Math.sign(rises)) / Math.sqrt(variance);
  const mannKendallP = upperTail(z);
  let ups = 0;
  let downs = 0;
  for (let i = 1; i < points; i++) {
    if (values[i] > values[i - 1]) ups++;
    else if (values[i] < values[i - 1]) downs++;
  }
  return {
    slope,
    low: Math.min(low, slope),
    high: Math.max(high, slope),
    mannKendallP,
    risingP: Math.min(1, 2 * Math.min(mannKendallP, chanceOfUps(ups, ups + downs))),
  };
}

/** That of so many changes so many and more go up, if up and down are alike. */
export function chanceOfUps(ups: number, changes: number): number {
  let chance = 0;
  let term = 0.5 ** changes;
  for (let k = changes; k >= ups; k--) {
    chance += term;
    term *= k / (changes - k + 1);
  }
  return Math.min(1, chance);
}

/** Of Kendall's S, with groups of equal values. */
function statisticVariance(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let sum = n * (n - 1) * (2 * n + 5);
  for (let i = 0; i < n; ) {
    let end = i + 1;
    while (end < n && sorted[end] === sorted[i]) end++;
    const tied = end - i;
    sum -= tied * (tied - 1) * (2 * tied + 5);
    i = end;
  }
  return sum / 18;
}

const factors = new Map<string, number>();
const MOST_FACTORS = 10_000;

function memoryFactor(points: number, memory: number): number {
  if (memory <= 0 || points < 4) return 1;
  const rounded = Math.round(memory * 100) / 100;
  const key = `${points} ${rounded}`;
  const known = factors.get(key);
  if (known !== undefined) return known;
  let sum = 0;
  for (let lag = 1; lag < points - 2; lag++) {
    // Ranks of normal noise are correlated a little less than the noise.
    const correlation = (6 / Math.PI) * Math.asin(rounded ** lag / 2);
    sum += (points - lag) * (points - lag - 1) * (points - lag - 2) * correlation;
  }
  const factor = 1 + (2 / (points * (points - 1) * (points - 2))) * sum;
  if (factors.size >= MOST_FACTORS) factors.clear();
  factors.set(key, factor);
  return factor;
}

/** P(Z > z) of the normal distribution, good to a few digits even far out, where corrections for many tags need it. */
export function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  if (z > 38) return 0;
  if (z < 3) {
    // The series of the integral from 0 on.
    let term = z;
    let sum = z;
    for (let k = 1; k < 60; k++) {
      term *= (-z * z) / (2 * k);
      sum += term / (2 * k + 1);
    }
    return 0.5 - sum / Math.sqrt(2 * Math.PI);
  }
  // The continued fraction of Mills' ratio.
  let fraction = z;
  for (let k = 60; k >= 1; k--) fraction = z + k / fraction;
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / fraction;
}

/** Holm's correction: each probability as if it were the only one tested, in the order they came. */
export function holmCorrected(probabilities: number[]): number[] {
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[a] - probabilities[b]);
  const corrected = new Array<number>(probabilities.length);
  let least = 0;
  order.forEach((at, rank) => {
    least = Math.min(1, Math.max(least, probabilities[at] * (probabilities.length - rank)));
    corrected[at] = least;
  });
  return corrected;
}
