/** The chart of a tag over time, drawn by the server as SVG, with its points as a table. */

import { bytesInWords } from '../../data/quantity-words.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { chartNumbers, thinned } from './chart-numbers.ts';
import { type Scale, sizeScale, sizeTicks } from './chart-ticks.ts';
import { type ChartTimes, chartTimes } from './chart-times.ts';
import { exactNumber } from './leak-numbers.ts';

/** The line is drawn in a square of this many units, which the style stretches over the plot. */
const BOX = 1000;
/** Single points are marked up to here; more would be a thick line. */
const MAX_DOTS = 60;
/**
 * Points of the line, as many as a wide screen tells apart, and rows of the table, enough to see the course; every point
 * is in the JSON of the command.
 */
const USUAL_SIZE = { points: 500, rows: 50 };

type Series = TagTrend['series'];

/** One point; `at` is its place on the axis of times. */
interface Point {
  at: number;
  bytes: number | null;
  diff: number | null;
}

/** The model of views/partials/leak-chart.hbs; null where there is nothing to draw. */
export function leakChart(
  id: string,
  name: string,
  series: Series,
  snapshots: LeakAnswer['snapshots'],
  size = USUAL_SIZE,
) {
  const times = chartTimes(series.snapshot, snapshots);
  const points = pointsOf(series, times);
  const isBytes = points.some(({ bytes }) => bytes !== null);
  const drawn = thinned(points, size.points).map(({ at, bytes, diff }) => ({
    at,
    value: isBytes ? bytes : diff,
  }));
  const known = drawn.flatMap(({ value }) => (value === null ? [] : [value]));
  if (known.length === 0) return null;
  const from = drawn[0].at;
  const to = drawn[drawn.length - 1].at;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = sizeScale(low, high, isBytes);
  const yTicks = sizeTicks(y);
  const x = (at: number) => (to > from ? (at - from) / (to - from) : 0.5);
  const what = isBytes ? 'bytes in use' : 'allocations in use';
  const amount = isBytes ? bytesInWords : exactNumber;
  return {
    id,
    title: `${name}: ${what} ${times.course}`,
    description:
      known.length === 1
        ? `One point: ${amount(known[0])}.`
        : `From ${amount(known[0])} (${times.phrase(from)}) to ${amount(known[known.length - 1])} (${times.phrase(to)}); lowest ${amount(low)}, highest ${amount(high)}.`,
    unit: isBytes ? 'In use' : 'Allocations in use',
    axis: times.label,
    yTicks: yTicks.map(({ value, label }) => ({ at: percent(1 - within(y, value)), label })),
    xTicks: times.ticks(from, to).map(({ value, label }) => ({
      at: percent(x(value)),
      label,
    })),
    path: pathOf(drawn.map(({ at, value }) => [x(at), value === null ? null : 1 - within(y, value)])),
    dots:
      known.length > MAX_DOTS
        ? []
        : drawn.flatMap(({ at, value }) =>
            value === null ? [] : [{ x: percent(x(at)), y: percent(1 - within(y, value)) }],
          ),
    /** For the script: places on the axis of times, and values. */
    data: JSON.stringify({
      kind: times.kind,
      isBytes,
      x: chartNumbers(drawn.map(({ at }) => at)),
      y: chartNumbers(drawn.map(({ value }) => value)),
      ticks: yTicks.map(({ value, label }) => [value, label]),
    }),
    table: pointTable(points, times, size.rows),
  };
}

/** Points in the order of the axis. */
function pointsOf({ snapshot, bytes, diff }: Series, times: ChartTimes): Point[] {
  return snapshot
    .map((index, i) => ({ at: times.at(index), bytes: bytes[i] ?? null, diff: diff[i] ?? null }))
    .sort((a, b) => a.at - b.at);
}

function pointTable(points: readonly Point[], times: ChartTimes, most: number) {
  const rows = thinned(points, most);
  const hasBytes = rows.some(({ bytes }) => bytes !== null);
  const hasDiff = rows.some(({ diff }) => diff !== null);
  return {
    when: times.label,
    columns: [...(hasBytes ? ['Bytes'] : []), ...(hasDiff ? ['Allocations in use'] : [])],
    rows: rows.map(({ at, bytes, diff }) => ({
      when: times.cell(at),
      cells: [...(hasBytes ? [exactNumber(bytes)] : []), ...(hasDiff ? [exactNumber(diff)] : [])],
    })),
    note:
      rows.length < points.length
        ? `${rows.length} of ${exactNumber(points.length)} points, evenly chosen.`
        : null,
  };
}

/** The line, broken where a snapshot does not print the figure. */
function pathOf(points: readonly (readonly [x: number, y: number | null])[]): string {
  let isDrawing = false;
  let path = '';
  for (const [x, y] of points) {
    if (y !== null) path += `${isDrawing ? 'L' : 'M'}${Math.round(x * BOX)} ${Math.round(y * BOX)}`;
    isDrawing = y !== null;
  }
  return path;
}

function within({ low, high }: Scale, value: number): number {
  return (value - low) / (high - low);
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}
