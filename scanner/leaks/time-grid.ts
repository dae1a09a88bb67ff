/** Points for the costly tests: at most 72, each the middle of the snapshots next to it. */
import { median } from './select-rank.ts';
import { type TrendDesign, trendDesign } from './trend-design.ts';

/** Pairs of points grow with the square: 72 have 2,556, and more would tell hardly anything more of a trend. */
const MAX_POINTS = 72;
/** Designs for tags that are not in all snapshots; beyond them such tags are judged by fewer tests. */
const MAX_DESIGNS = 60;
/** A tag that appears late begins at one of so many places, so that few designs do for all. */
const PLACES = 12;
/** Where more is missing, what lies between is not guessed. */
const LEAST_PRESENT = 0.75;
const LEAST_POINTS = 6;

/** A series made ready: its points, their hours, and the design where it can be tested against shapes. */
export interface GridSeries {
  hours: Float64Array;
  values: Float64Array;
  /** Place of each point's middle snapshot. */
  snapshots: number[];
  design: TrendDesign | undefined;
}

export class TimeGrid {
  readonly #bins: { from: number; to: number; middle: number; hour: number }[] = [];
  readonly #designs = new Map<string, TrendDesign>();
  readonly #isClock: boolean;
  /** Numbers of the bin at hand. */
  readonly #scratch: Float64Array;

  /** For snapshots at these hours, ascending; `isClock` says that they are hours and not just an order. */
  constructor(hours: Float64Array, isClock: boolean) {
    this.#isClock = isClock;
    const perBin = Math.ceil(hours.length / MAX_POINTS);
    this.#scratch = new Float64Array(perBin);
    for (let from = 0; from < hours.length; from += perBin) {
      const to = Math.min(hours.length, from + perBin);
      this.#bins.push({ from, to, middle: (from + to - 1) >> 1, hour: median(hours.subarray(from, to)) });
    }
  }

  /** Undefined where there are fewer than two points. */
  read(values: Float64Array): GridSeries | undefined {
    const points: { bin: number; value: number }[] = [];
    this.#bins.forEach(({ from, to }, bin) => {
      let there = 0;
      for (let i = from; i < to; i++) if (!Number.isNaN(values[i])) this.#scratch[there++] = values[i];
      if (there === 0) return;
      points.push({ bin, value: there === 1 ? this.#scratch[0] : median(this.#scratch.subarray(0, there)) });
    });
    if (points.length < 2) return undefined;
    return this.#filled(points) ?? this.#sparse(points);
  }

  /** With straight lines over the few that are missing. */
  #filled(points: { bin: number; value: number }[]): GridSeries | undefined {
    const step = Math.max(1, Math.ceil(this.#bins.length / PLACES));
    const first = Math.ceil(points[0].bin / step) * step;
    const end = points[points.length - 1].bin + 1;
    const last = (end === this.#bins.length ? end : Math.floor(end / step) * step) - 1;
    const inside = points.filter(({ bin }) => bin >= first && bin <= last);
    if (inside.length < LEAST_POINTS || inside.length < LEAST_PRESENT * (last - first + 1)) return undefined;
    // The range's own ends may be among the missing.
    if (inside[0].bin !== first || inside[inside.length - 1].bin !== last) return undefined;
    const values = new Float64Array(last - first + 1);
    inside.forEach(({ bin, value }, i) => {
      values[bin - first] = value;
      const next = inside[i + 1];
      for (let missing = bin + 1; missing < (next?.bin ?? 0); missing++)
        values[missing - first] = value + ((next.value - value) * (missing - bin)) / (next.bin - bin);
    });
    const bins = this.#bins.slice(first, last + 1);
    const hours = Float64Array.from(bins, ({ hour }) => hour);
    const key = `${first}-${last}`;
    return {
      hours,
      values,
      snapshots: bins.map(({ middle }) => middle),
      design: this.#design(key, hours),
    };
  }

  #sparse(points: { bin: number; value: number }[]): GridSeries {
    const hours = Float64Array.from(points, ({ bin }) => this.#bins[bin].hour);
    const key = points.map(({ bin }) => bin).join();
    return {
      hours,
      values: Float64Array.from(points, ({ value }) => value),
      snapshots: points.map(({ bin }) => this.#bins[bin].middle),
      design: points.length < LEAST_POINTS ? undefined : this.#design(key, hours),
    };
  }

  #design(key: string, hours: Float64Array): TrendDesign | undefined {
    let design = this.#designs.get(key);
    if (design === undefined && this.#designs.size < MAX_DESIGNS) {
      design = trendDesign(hours, this.#isClock);
      this.#designs.set(key, design);
    }
    return design;
  }
}
