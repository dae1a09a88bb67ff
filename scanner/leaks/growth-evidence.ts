/**
 * How much likelier the numbers of a tag are if it leaks than if it does not: a Bayes factor over regressions whose
 * noise remembers (AR(1)), with every other reason to grow as a rival: a daily wave, a step, a cache that fills.
 *
 * Each regression is weighed by its marginal likelihood with Zellner's g-prior (g = number of points: the prior is
 * worth one point), and summed over the strengths of memory, so that slow noise is not taken for a trend. Under
 * "no leak" the factor exceeds c with a probability of at most 1/c, which is what the correction for many tags rests on.
 */
import type { GrowthShape } from './growth-shapes.ts';
import { dot, type TrendDesign, whiten } from './trend-design.ts';

/** Natural logarithms of likelihood ratios, and what fits best. */
export interface GrowthEvidence {
  /** An unbounded rise that goes on to the end, against everything else. */
  leak: number;
  /** A rise that ended (step, ramp, cache), against no change but waves and noise. */
  bounded: number;
  /** A fall of any shape, against no change but waves and noise. */
  falling: number;
  /** A daily wave, against none. */
  wave: number;
  /** Expected share of the noise that is left at the next point, 0 to 0.98. */
  memory: number;
  bestLeak: GrowthShape | undefined;
  bestBounded: GrowthShape | undefined;
  /** For each strength of memory, on the same scale: how likely the numbers are if it leaks, and if it does not. */
  leakByMemory: number[];
  innocentByMemory: number[];
}

/** Shares of the prior; each is spread evenly over the shapes of its kind. */
const LOG_PRIORS = {
  constant: Math.log(0.5),
  step: Math.log(0.15),
  ramp: Math.log(0.2),
  curve: Math.log(0.15),
};
const LOG_LEAK_PRIORS = { even: Math.log(0.5), later: Math.log(0.25), afterWarmUp: Math.log(0.25) };
const LOG_WAVE = Math.log(0.3);
const LOG_NO_WAVE = Math.log(0.7);
/** Below this factor of an even rise against none, the costly shapes are not tried. */
const LEAST_HINT = 0.5;
/** Below this factor of a daily wave against none, shapes are not tried on top of one. */
const LEAST_WAVE = -3;

/** Sums exponentials of logarithms without overflow. */
export class LogSum {
  #most = Number.NEGATIVE_INFINITY;
  #sum = 0;

  add(logarithm: number): void {
    if (logarithm === Number.NEGATIVE_INFINITY) return;
    if (logarithm > this.#most) {
      this.#sum = this.#sum * Math.exp(this.#most - logarithm) + 1;
      this.#most = logarithm;
    } else this.#sum += Math.exp(logarithm - this.#most);
  }

  get value(): number {
    return this.#sum === 0 ? Number.NEGATIVE_INFINITY : this.#most + Math.log(this.#sum);
  }
}

/**
 * `values` has one number for each hour of the design. `floor` is the standard deviation below which noise is not
 * believed, such as the rounding to whole allocations. `mayRise` asks for all shapes even where no even rise is seen.
 */
export function growthEvidence(
  design: TrendDesign,
  values: Float64Array,
  floor: number,
  mayRise: boolean,
): GrowthEvidence {
  const points = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / points;
  const centred = values.map(value => value - mean);
  const scale = Math.sqrt(dot(centred, centred) / points) || 1;
  for (let i = 0; i < points; i++) centred[i] /= scale;
  const floorVariance = (floor / scale) ** 2;
  const views = design.slices.map(slice => {
    const white = whiten(centred, slice.carried);
    const added = floorVariance * slice.whiteNoise;
    const total = Math.max(1e-12, dot(white, white) - dot(white, slice.constant) ** 2) + added;
    const waves = slice.wave.reduce((sum, unit) => sum + dot(white, unit) ** 2, 0);
    return { slice, white, total, waves };
  });
  const logG = Math.log(1 + points);
  /** Of a regression with this many columns beside the constant that explains so much of the sum of squares. */
  const weigh = ({ slice, total }: (typeof views)[number], columns: number, explained: number) =>
    slice.logScale -
    ((points - 1) / 2) * Math.log(total) +
    ((points - 1 - columns) / 2) * logG -
    ((points - 1) / 2) * Math.log(1 + points * Math.max(1e-12, 1 - explained / total));

  const counts = { leak: 0, step: 0, ramp: 0, curve: 0, warmUp: 0 };
  design.shapes.forEach(({ kind }, i) => {
    counts[kind]++;
    if (design.slices[0].leakAfter[i] !== undefined) counts.warmUp++;
  });
  const evenAt = design.shapes.findIndex(({ kind }) => kind === 'leak');
  const leak = new LogSum();
  const fall = new LogSum();
  const bounded = new LogSum();
  const level = new LogSum();
  const plainLevel = new LogSum();
  const waveLevel = new LogSum();
  const others = new LogSum();
  const leakByMemory = design.slices.map(() => new LogSum());
  const innocentByMemory = design.slices.map(() => new LogSum());
  const byMemory = design.slices.map(() => new LogSum());
  const hint = new LogSum();
  let bestLeak = { weight: Number.NEGATIVE_INFINITY, shape: undefined as GrowthShape | undefined };
  let bestBounded = { weight: Number.NEGATIVE_INFINITY, shape: undefined as GrowthShape | undefined };

  function addLeak(weight: number, shape: GrowthShape, at: number): void {
    // Twice, since leaks only rise while the prior of a coefficient is even on both sides.
    leak.add(weight + Math.LN2);
    leakByMemory[at].add(weight + Math.LN2);
    byMemory[at].add(weight);
    if (weight > bestLeak.weight) bestLeak = { weight, shape };
  }

  views.forEach((view, at) => {
    const hasWave = view.slice.wave.length > 0;
    const still = weigh(view, 0, 0) + LOG_PRIORS.constant + (hasWave ? LOG_NO_WAVE : 0);
    level.add(still);
    plainLevel.add(still);
    innocentByMemory[at].add(still);
    byMemory[at].add(still);
    if (hasWave) {
      const waving = weigh(view, view.slice.wave.length, view.waves) + LOG_PRIORS.constant + LOG_WAVE;
      level.add(waving);
      waveLevel.add(waving);
      innocentByMemory[at].add(waving);
      byMemory[at].add(waving);
    }
    for (const afterWave of hasWave ? [false, true] : [false]) {
      const unit = (afterWave ? view.slice.afterWave : view.slice.plain)[evenAt];
      if (unit === undefined) continue;
      const along = dot(view.white, unit);
      const columns = afterWave ? view.slice.wave.length : 0;
      const weight =
        weigh(view, columns + 1, (afterWave ? view.waves : 0) + along * along) +
        (hasWave ? (afterWave ? LOG_WAVE : LOG_NO_WAVE) : 0) +
        LOG_LEAK_PRIORS.even;
      hint.add(weight);
      (afterWave ? waveLevel : plainLevel).add(weight);
      if (along > 0) addLeak(weight, design.shapes[evenAt], at);
      else {
        fall.add(weight);
        byMemory[at].add(weight);
      }
    }
  });

  if (mayRise || hint.value - level.value > LEAST_HINT) {
    const mayWave = waveLevel.value - plainLevel.value > LEAST_WAVE;
    views.forEach((view, at) => {
      const hasWave = view.slice.wave.length > 0;
      for (const afterWave of mayWave ? [false, true] : [false]) {
        const units = afterWave ? view.slice.afterWave : view.slice.plain;
        const columns = afterWave ? view.slice.wave.length : 0;
        const base = afterWave ? view.waves : 0;
        const logWave = hasWave ? (afterWave ? LOG_WAVE : LOG_NO_WAVE) : 0;
        for (let i = 0; i < units.length; i++) {
          const unit = units[i];
          if (unit === undefined || i === evenAt) continue;
          const shape = design.shapes[i];
          const along = dot(view.white, unit);
          const explained = base + along * along;
          const bare = weigh(view, columns + 1, explained) + logWave;
          if (shape.kind === 'leak') {
            if (along > 0) addLeak(bare + LOG_LEAK_PRIORS.later - Math.log(counts.leak), shape, at);
            continue;
          }
          const weight = bare + LOG_PRIORS[shape.kind] - Math.log(counts[shape.kind]);
          others.add(weight);
          innocentByMemory[at].add(weight);
          byMemory[at].add(weight);
          if (along < 0) fall.add(weight);
          else {
            bounded.add(weight);
            if (weight > bestBounded.weight) bestBounded = { weight, shape };
          }
          const further = (afterWave ? view.slice.leakAfterWave : view.slice.leakAfter)[i];
          if (further === undefined || along < 0) continue;
          const alongFurther = dot(view.white, further);
          if (alongFurther <= 0) continue;
          const both = weigh(view, columns + 2, explained + alongFurther * alongFurther) + logWave;
          addLeak(both + LOG_LEAK_PRIORS.afterWarmUp - Math.log(counts.warmUp), design.shapes[evenAt], at);
        }
      }
    });
  }

  const innocent = new LogSum();
  innocent.add(level.value);
  innocent.add(others.value);
  const logs = byMemory.map(sum => sum.value);
  const most = Math.max(...logs);
  const weights = logs.map(logarithm => Math.exp(logarithm - most));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    leak: leak.value - innocent.value,
    bounded: bounded.value - level.value,
    falling: fall.value - level.value,
    wave: waveLevel.value - plainLevel.value,
    memory: weights.reduce((sum, weight, at) => sum + weight * design.slices[at].memory, 0) / all,
    bestLeak: bestLeak.shape,
    bestBounded: bestBounded.shape,
    leakByMemory: leakByMemory.map(sum => sum.value),
    innocentByMemory: innocentByMemory.map(sum => sum.value),
  };
}
