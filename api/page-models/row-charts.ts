/** The courses of the tags in the table, as small as they can be sent: the script of the page draws those that are asked for. */
import type { TagSeries } from '../../scanner/leaks/leak-report.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { chartNumbers, thinned } from './chart-numbers.ts';
import { sizeScale } from './chart-ticks.ts';
import { chartTimes } from './chart-times.ts';
import { counted } from './evidence-phrases.ts';

/** Points of a row: what can be told apart beside a table of them. */
const MAX_POINTS = 100;
/** Of all rows; as much again as the table itself at its largest would be too much for a phone. */
const MAX_BYTES = 160_000;

/** A row's course; attributes of its element. */
interface RowChart {
  isBytes: boolean;
  points: string;
  /** Places of the points among the times; null where they are spread evenly over all. */
  at: string | null;
  /** The lowest mark, the step and the number of steps in a unit, its bytes and its name: `0,100,3,1048576,MB`. */
  axis: string;
}

/** What the rows share, and the course of each; null for a row without a figure. */
export interface RowCharts {
  kind: string;
  label: string;
  /** What a title says: `over time`. */
  course: string;
  times: string;
  /** Where points are left out. */
  note: string | null;
  rows: (RowChart | null)[];
}

interface Course {
  isBytes: boolean;
  /** Ascending places among the times, and the figure at each. */
  places: number[];
  values: (number | null)[];
}

/** Null where no row has a course: one snapshot is a figure. */
export function rowCharts(
  rows: readonly { series: TagSeries }[],
  snapshots: LeakAnswer['snapshots'],
): RowCharts | null {
  if (snapshots.length < 2 || rows.every(({ series }) => series.snapshot.length < 2)) return null;
  const seen = new Set<number>();
  for (const { series } of rows) for (const index of series.snapshot) seen.add(index);
  const indexes = [...seen];
  const times = chartTimes(indexes, snapshots);
  const ordered = indexes.map(index => ({ index, at: times.at(index) })).sort((a, b) => a.at - b.at);
  const placeOf = new Map(ordered.map(({ index }, place) => [index, place]));
  const courses = rows.map(({ series }) => courseOf(series, placeOf));
  const { most, drawn } = drawnWithin(MAX_BYTES, courses, ordered.length);
  return {
    kind: times.kind,
    label: times.label,
    course: times.course,
    times: chartNumbers(ordered.map(({ at }) => at)),
    note: courses.some(course => course !== null && course.places.length > most)
      ? `At most ${counted(most, 'point', 'points')} of a tag, evenly chosen.`
      : null,
    rows: drawn,
  };
}

function courseOf({ snapshot, bytes, diff }: TagSeries, placeOf: ReadonlyMap<number, number>): Course | null {
  const isBytes = bytes.some(value => value != null);
  const values = isBytes ? bytes : diff;
  if (!values.some(value => value != null)) return null;
  const places = snapshot.map(index => placeOf.get(index)!);
  if (places.every((place, i) => i === 0 || place > places[i - 1])) return { isBytes, places, values };
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  return { isBytes, places: order.map(i => places[i]), values: order.map(i => values[i]) };
}

/** As many points of each as fit. */
function drawnWithin(maxBytes: number, courses: readonly (Course | null)[], times: number) {
  let most = courses.reduce((longest, course) => Math.max(longest, course?.places.length ?? 0), 2);
  for (most = Math.min(most, MAX_POINTS); ; ) {
    const drawn = courses.map(course => course && rowChart(course, times, most));
    const bytes = drawn.reduce((sum, row) => sum + (row?.points.length ?? 0) + (row?.at?.length ?? 0), 0);
    if (bytes <= maxBytes || most === 2) return { most, drawn };
    most = Math.max(2, Math.min(most - 1, Math.floor((most * maxBytes) / bytes)));
  }
}

function rowChart({ isBytes, places, values }: Course, times: number, most: number): RowChart {
  const known = values.filter(value => value !== null);
  const { low, high, step, unit } = sizeScale(Math.min(...known), Math.max(...known), isBytes);
  const marks = Math.round((high - low) / step);
  const shown = thinned(places, most);
  return {
    isBytes,
    points: chartNumbers(thinned(values, most)),
    at: isSpread(shown, times) ? null : chartNumbers(shown),
    axis: [low / unit.bytes, step / unit.bytes, marks, unit.bytes, unit.name].join(),
  };
}

/** Whether these are so many evenly chosen ones of all times. */
function isSpread(places: readonly number[], times: number): boolean {
  const last = Math.max(1, places.length - 1);
  return places.every((place, n) => place === Math.round((n * (times - 1)) / last));
}
