/** Shapes of growth made ready for a regression whose noise remembers: whitened and orthogonal, once for all tags. */
import { type GrowthShape, growthShapes } from './growth-shapes.ts';

/**
 * How much of the noise is left at the next snapshot (AR(1)), from none to almost all: 0.98 is a random walk over
 * the few hundred points that there are.
 */
const MEMORIES = [0, 0.3, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98];
/** Two snapshots of nearly the same moment must not be taken for exact copies. */
const MOST_MEMORY = 0.999;
const HOURS_OF_DAY = 24;
/** Less of a day than this shows too little of a daily wave to fit one. */
const LEAST_DAYS_OF_WAVE = 0.65;
/** A second harmonic, for days that are not sines, costs too much of a trend before two days are seen. */
const LEAST_DAYS_OF_HARMONICS = 1.9;
/** A wave takes two numbers to describe; fewer points than this would fit any. */
const LEAST_POINTS_OF_WAVE = 12;

/** Unit columns for one strength of memory. Each is orthogonal to the constant, those `afterWave` to the wave too. */
interface MemorySlice {
  memory: number;
  /** What is left of the noise from the point before, for each point; 0 for the first. */
  carried: Float64Array;
  /** Logarithm of the whitening's determinant over the constant's length. */
  logScale: number;
  /** How much white noise of variance 1 adds to a whitened sum of squares. */
  whiteNoise: number;
  constant: Float64Array;
  wave: Float64Array[];
  /** One for each shape; undefined where nothing is left of it. */
  plain: (Float64Array | undefined)[];
  afterWave: (Float64Array | undefined)[];
  /** An even leak after each shape is taken out: does it grow on when the cache is full? */
  leakAfter: (Float64Array | undefined)[];
  /** The same where the wave is taken out as well. */
  leakAfterWave: (Float64Array | undefined)[];
}

export interface TrendDesign {
  hours: Float64Array;
  shapes: GrowthShape[];
  slices: MemorySlice[];
}

/** For points at these hours, ascending, at least three; `isClock` says that they are hours and not just an order. */
export function trendDesign(hours: Float64Array, isClock: boolean): TrendDesign {
  const shapes = growthShapes(hours);
  const gaps = Array.from(hours.subarray(1), (hour, i) => hour - hours[i]);
  const usualGap = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] || 1;
  const waves = isClock ? waveColumns(hours) : unknownWave(hours);
  const slices = MEMORIES.map(memory => {
    const carried = Float64Array.from(hours, (_, i) =>
      i === 0 || memory === 0 ? 0 : Math.min(MOST_MEMORY, memory ** (gaps[i - 1] / usualGap)),
    );
    return memorySlice(memory, carried, shapes, waves);
  });
  return { hours, shapes, slices };
}

function memorySlice(
  memory: number,
  carried: Float64Array,
  shapes: GrowthShape[],
  waves: Float64Array[],
): MemorySlice {
  const ones = whiten(new Float64Array(carried.length).fill(1), carried);
  const length = Math.sqrt(dot(ones, ones));
  const constant = ones.map(value => value / length);
  const wave: Float64Array[] = [];
  for (const column of waves) {
    const unit = unitAfter(whiten(column, carried), [constant, ...wave]);
    if (unit !== undefined) wave.push(unit);
  }
  const whitened = shapes.map(({ column }) => whiten(column, carried));
  const plain = whitened.map(column => unitAfter(column, [constant]));
  const even = shapes.findIndex(({ kind }) => kind === 'leak');
  const afterWave = wave.length === 0 ? [] : whitened.map(column => unitAfter(column, [constant, ...wave]));
  const leakAfter = (units: Float64Array[], warmUps: (Float64Array | undefined)[]) =>
    warmUps.map((warmUp, i) => {
      const { kind, from } = shapes[i];
      const isWarmUp = kind === 'curve' || (kind === 'ramp' && from === 0);
      return warmUp !== undefined && isWarmUp ? unitAfter(whitened[even], [...units, warmUp]) : undefined;
    });
  let logDeterminant = 0;
  let whiteNoise = 0;
  for (const share of carried) {
    logDeterminant -= Math.log(1 - share * share) / 2;
    whiteNoise += (1 + share * share) / (1 - share * share);
  }
  return {
    memory,
    carried,
    logScale: logDeterminant - Math.log(length),
    whiteNoise,
    constant,
    wave,
    plain,
    afterWave,
    leakAfter: leakAfter([constant], plain),
    leakAfterWave: leakAfter([constant, ...wave], afterWave),
  };
}

/** Takes out of each value what the noise carried over from the one before; all have the same variance then. */
export function whiten(values: Float64Array, carried: Float64Array): Float64Array {
  const result = new Float64Array(values.length);
  result[0] = values[0];
  for (let i = 1; i < values.length; i++) {
    const share = carried[i];
    result[i] = (values[i] - share * values[i - 1]) / Math.sqrt(1 - share * share);
  }
  return result;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** What is left of a column after the units are taken out, of length 1; undefined where nothing is left. */
function unitAfter(column: Float64Array, units: Float64Array[]): Float64Array | undefined {
  const rest = Float64Array.from(column);
  const before = dot(rest, rest);
  // Twice, since once leaves rounding errors of the size of what is taken out.
  for (let round = 0; round < 2; round++) {
    for (const unit of units) {
      const share = dot(rest, unit);
      for (let i = 0; i < rest.length; i++) rest[i] -= share * unit[i];
    }
  }
  const after = dot(rest, rest);
  if (after <= before * 1e-9) return undefined;
  const length = Math.sqrt(after);
  return rest.map(value => value / length);
}

/** Sine and cosine of a day, and of half a day where two days are seen; none where too little is. */
function waveColumns(hours: Float64Array): Float64Array[] {
  const days = (hours[hours.length - 1] - hours[0]) / HOURS_OF_DAY;
  if (days < LEAST_DAYS_OF_WAVE || hours.length < LEAST_POINTS_OF_WAVE) return [];
  const harmonics = days < LEAST_DAYS_OF_HARMONICS ? [1] : [1, 2];
  return harmonics.flatMap(harmonic => {
    const angles = hours.map(hour => (2 * Math.PI * harmonic * hour) / HOURS_OF_DAY);
    return [angles.map(Math.sin), angles.map(Math.cos)];
  });
}

/** Where only the order is known, the whole of it may be a day: one wave over all points. */
function unknownWave(order: Float64Array): Float64Array[] {
  if (order.length < LEAST_POINTS_OF_WAVE) return [];
  const angles = order.map(
    place => (2 * Math.PI * (place - order[0])) / (order[order.length - 1] - order[0]),
  );
  return [angles.map(Math.sin), angles.map(Math.cos)];
}
