/** What can be measured of one tag over the compared snapshots, before any verdict. */
import { type Burst, takeOutBursts } from './find-events.ts';
import type { KnownTag } from './frame-store.ts';
import { type GrowthEvidence, growthEvidence } from './growth-evidence.ts';
import type { TagNumbers } from './leak-report.ts';
import { type MonotoneTrend, monotoneTrend } from './monotone-trend.ts';
import { median } from './select-rank.ts';
import type { NumberSeries } from './tag-series.ts';
import type { GridSeries, TimeGrid } from './time-grid.ts';

/** Fewer points than this cannot tell one shape from another. */
export const LEAST_POINTS_OF_EVIDENCE = 6;
/** A rounding to whole allocations is evenly spread over one of them, whose standard deviation is this part of it. */
const ROUNDING = 0.29;
/** A hundred-thousandth of the level is no change that anyone asked for. */
const LEAST_CHANGE = 1e-5;
/** Parts of the series that are compared with each other to see whether it may have risen at all. */
const PART_OF_SERIES = 6;

export interface TagStudy {
  known: KnownTag;
  /** What its trend is measured in: bytes where they are printed, else allocations in use. */
  unit: 'bytes' | 'allocations' | undefined;
  /** Snapshots that show it. */
  present: number;
  first: TagNumbers;
  last: TagNumbers;
  /** Allocations and frees between first and last; undefined where the counters are not printed. */
  allocated: number | undefined;
  freed: number | undefined;
  wraps: number[];
  garbage: number;
  /** The points that were tested; undefined where there are fewer than two. */
  points: GridSeries | undefined;
  /** Values of the points with bursts taken out. */
  calm: Float64Array | undefined;
  bursts: Burst[];
  /** Points that are higher, and lower, than the one before. */
  ups: number;
  downs: number;
  isConstant: boolean;
  evidence: GrowthEvidence | undefined;
  trend: MonotoneTrend | undefined;
  allocsTrend: MonotoneTrend | undefined;
  bytes: Float64Array;
  diff: Float64Array;
}

export function studyTag(known: KnownTag, series: NumberSeries, grid: TimeGrid): TagStudy {
  const { bytes, diff } = series;
  const unit = hasTwo(bytes) ? 'bytes' : hasTwo(diff) ? 'allocations' : undefined;
  const points = unit === undefined ? undefined : grid.read(unit === 'bytes' ? bytes : diff);
  const study: TagStudy = {
    known,
    unit,
    present: series.present,
    first: numbersAt(series, series.first),
    last: numbersAt(series, series.last),
    allocated: between(series.allocs),
    freed: between(series.frees),
    wraps: series.wraps,
    garbage: series.garbage,
    points,
    calm: undefined,
    bursts: [],
    ups: 0,
    downs: 0,
    isConstant: true,
    evidence: undefined,
    trend: undefined,
    allocsTrend: undefined,
    bytes,
    diff,
  };
  if (points === undefined) return study;
  const floor = noiseFloor(study);
  const { calm, bursts } = takeOutBursts(points.values, floor);
  study.calm = calm;
  study.bursts = bursts;
  for (let i = 1; i < study.calm.length; i++) {
    if (study.calm[i] > study.calm[i - 1]) study.ups++;
    else if (study.calm[i] < study.calm[i - 1]) study.downs++;
  }
  study.isConstant = study.ups + study.downs === 0;
  if (study.isConstant) return study;
  if (points.design !== undefined && study.calm.length >= LEAST_POINTS_OF_EVIDENCE)
    study.evidence = growthEvidence(points.design, study.calm, floor, hasRisen(study.calm));
  if (points.values.length >= 3) {
    const memory = study.evidence?.memory ?? 0;
    study.trend = monotoneTrend(points.hours, points.values, memory);
    const other = unit === 'bytes' && hasTwo(diff) ? grid.read(diff) : undefined;
    if (other !== undefined && other.values.length >= 3)
      study.allocsTrend = monotoneTrend(other.hours, other.values, memory);
    else if (unit === 'allocations') study.allocsTrend = study.trend;
  }
  return study;
}

function hasTwo(values: Float64Array): boolean {
  let seen = 0;
  for (const value of values) if (!Number.isNaN(value) && ++seen === 2) return true;
  return false;
}

/** Noise below this is rounding. */
function noiseFloor({ unit, first, last, points }: TagStudy): number {
  const level = median(points!.values);
  const one = unit === 'allocations' ? 1 : (last.bytesPerAlloc ?? first.bytesPerAlloc ?? 0);
  return Math.max(ROUNDING * one, LEAST_CHANGE * level, Number.MIN_VALUE);
}

/** The end is above anything that was seen at the beginning. */
function hasRisen(values: Float64Array): boolean {
  const part = Math.max(2, Math.floor(values.length / PART_OF_SERIES));
  return median(values.subarray(values.length - part)) > Math.max(...values.subarray(0, part));
}

function between(counter: Float64Array): number | undefined {
  const first = counter.find(value => !Number.isNaN(value));
  const last = counter.findLast(value => !Number.isNaN(value));
  return first === undefined || last === undefined ? undefined : last - first;
}

function numbersAt({ allocs, frees, diff, bytes }: NumberSeries, at: number): TagNumbers {
  const numbers: TagNumbers = {};
  if (!Number.isNaN(allocs[at])) numbers.allocs = allocs[at];
  if (!Number.isNaN(frees[at])) numbers.frees = frees[at];
  if (!Number.isNaN(diff[at])) numbers.diff = diff[at];
  if (!Number.isNaN(bytes[at])) numbers.bytes = bytes[at];
  if (bytes[at] >= 0 && diff[at] > 0) numbers.bytesPerAlloc = bytes[at] / diff[at];
  return numbers;
}
