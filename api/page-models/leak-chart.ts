/** The chart of a tag over time, drawn by the server as SVG, with its points as a table. */

import { bytesInWords } from '../../data/quantity-words.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { type Axis, countTicks, sizeAxis, timeTicks } from './chart-ticks.ts';
import { exactNumber, timeText } from './leak-numbers.ts';

/** The line is drawn in a square of this many units, which the style stretches over the plot. */
const BOX = 1000;
/** Single points are marked up to here; more would be a thick line. */
const MAX_DOTS = 60;
/** Rows of the table: enough to see the course; every point is in the JSON and CSV of the command. */
const MAX_POINT_ROWS = 50;
/** What a date can hold, in milliseconds from 1970. */
const MAX_TIME_MS = 8.64e15;
/** Points of a chart, as many as a wide screen tells apart. */
const MAX_POINTS = 500;

type Series = TagTrend['series'];

/** One point; `at` is milliseconds since 1970 or the number of its snapshot. */
interface Point {
  at: number;
  bytes: number | null;
  diff: number | null;
}

/** The model of views/partials/leak-chart.hbs; null where there is nothing to draw. */
export function leakChart(id: string, name: string, series: Series, snapshots: LeakAnswer['snapshots']) {
  const { points, hasTimes } = pointsOf(series, snapshots);
  const isBytes = points.some(({ bytes }) => bytes !== null);
  const drawn = thinned(points, MAX_POINTS).map(({ at, bytes, diff }) => ({
    at,
    value: isBytes ? bytes : diff,
  }));
  const known = drawn.flatMap(({ value }) => (value === null ? [] : [value]));
  if (known.length === 0) return null;
  const from = drawn[0].at;
  const to = drawn[drawn.length - 1].at;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const y = sizeAxis(low, high, isBytes);
  const x = (at: number) => (to > from ? (at - from) / (to - from) : 0.5);
  const what = isBytes ? 'bytes in use' : 'allocations in use';
  const amount = isBytes ? bytesInWords : exactNumber;
  const when = hasTimes ? (at: number) => `${timeText(at)} UTC` : (at: number) => `snapshot ${at}`;
  return {
    id,
    title: `${name}: ${what} ${hasTimes ? 'over time' : 'by snapshot'}`,
    description:
      known.length === 1
        ? `One point: ${amount(known[0])}.`
        : `From ${amount(known[0])} (${when(from)}) to ${amount(known[known.length - 1])} (${when(to)}); lowest ${amount(low)}, highest ${amount(high)}.`,
    unit: isBytes ? 'In use' : 'Allocations in use',
    axis: hasTimes ? 'Time (UTC)' : 'Snapshot',
    yTicks: y.ticks.map(({ value, label }) => ({ at: percent(1 - within(y, value)), label })),
    xTicks: (hasTimes ? timeTicks : countTicks)(from, to).map(({ value, label }) => ({
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
    /** For the script: seconds or snapshots, and values. */
    data: JSON.stringify({
      hasTimes,
      isBytes,
      x: drawn.map(({ at }) => (hasTimes ? at / 1000 : at)),
      y: drawn.map(({ value }) => value),
      ticks: y.ticks.map(({ value, label }) => [value, label]),
    }),
    table: pointTable(points, hasTimes),
  };
}

/** Points in the order of the axis. Where one time is not known, snapshots are counted instead. */
function pointsOf({ snapshot, bytes, diff }: Series, snapshots: LeakAnswer['snapshots']) {
  const times = snapshot.map(index => snapshots[index]?.takenAtMs);
  const hasTimes = times.every(time => time !== undefined && Math.abs(time) <= MAX_TIME_MS);
  const points = snapshot.map(
    (index, i): Point => ({
      at: hasTimes ? times[i]! : index + 1,
      bytes: bytes[i] ?? null,
      diff: diff[i] ?? null,
    }),
  );
  return { points: points.sort((a, b) => a.at - b.at), hasTimes };
}

function pointTable(points: readonly Point[], hasTimes: boolean) {
  const rows = thinned(points, MAX_POINT_ROWS);
  const hasBytes = rows.some(({ bytes }) => bytes !== null);
  const hasDiff = rows.some(({ diff }) => diff !== null);
  return {
    when: hasTimes ? 'Time (UTC)' : 'Snapshot',
    columns: [...(hasBytes ? ['Bytes'] : []), ...(hasDiff ? ['Allocations in use'] : [])],
    rows: rows.map(({ at, bytes, diff }) => ({
      when: hasTimes ? timeText(at) : exactNumber(at),
      cells: [...(hasBytes ? [exactNumber(bytes)] : []), ...(hasDiff ? [exactNumber(diff)] : [])],
    })),
    note:
      rows.length < points.length
        ? `${rows.length} of ${exactNumber(points.length)} points, evenly chosen.`
        : null,
  };
}

/** Evenly chosen ones, the first and the last among them; all where they are few. */
function thinned<T>(all: readonly T[], most: number): readonly T[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, n) => all[Math.round((n * (all.length - 1)) / (most - 1))]);
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

function within({ low, high }: Axis, value: number): number {
  return (value - low) / (high - low);
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}
