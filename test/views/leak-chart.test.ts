import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { LeakAnswer } from '../../api/leaks/leak-answer.ts';
import { countTicks, hourTicks, sizeScale, sizeTicks, timeTicks } from '../../api/page-models/chart-ticks.ts';
import { leakChart } from '../../api/page-models/leak-chart.ts';
import { exactNumber, timeText } from '../../api/page-models/leak-numbers.ts';

const KB = 1024;
const MB = 1024 * KB;

const SIZE_AXES: [low: number, high: number, isBytes: boolean, labels: string, reason: string][] = [
  [0, 300 * MB, true, '0 MB, 100 MB, 200 MB, 300 MB', 'round in the unit of the highest'],
  [30 * MB, 211 * MB, true, '0 MB, 100 MB, 200 MB, 300 MB', 'it begins at zero where that costs no room'],
  [1 * MB, 1.25 * MB, true, '1 MB, 1.1 MB, 1.2 MB, 1.3 MB', 'a small rise on a high level is seen'],
  [5 * MB, 5 * MB, true, '0 MB, 2 MB, 4 MB, 6 MB', 'equal points stand above zero'],
  [0, 0, true, '0 bytes, 1 bytes', 'nothing at all still has an axis'],
  [0, 3, true, '0 bytes, 1 bytes, 2 bytes, 3 bytes', 'half a byte does not exist'],
  [10, 12, false, '10, 11, 12', 'half an allocation neither'],
  [900, 1100, false, '900, 950, 1,000, 1,050, 1,100', 'counts have no unit'],
];

test('an axis of sizes has round marks around all values', () => {
  for (const [low, high, isBytes, labels, reason] of SIZE_AXES) {
    const scale = sizeScale(low, high, isBytes);
    assert.equal(
      sizeTicks(scale)
        .map(({ label }) => label)
        .join(', '),
      labels,
      reason,
    );
    assert.ok(scale.low <= low && scale.high >= high && scale.high > scale.low, reason);
  }
});

test('an axis holds its values and has few marks, whatever they are', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.boolean(), (one, other, isBytes) => {
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      const scale = sizeScale(low, high, isBytes);
      assert.ok(scale.low <= low && scale.high >= high);
      const marks = sizeTicks(scale).length;
      assert.ok(marks >= 2 && marks <= 8, `${marks} marks`);
    }),
  );
});

const at = (text: string) => Date.parse(`2026-11-${text}Z`);
const TIMES: [from: string, to: string, labels: string, reason: string][] = [
  ['28T21:00:00', '29T20:30:00', '29 Nov, 06:00, 12:00, 18:00', 'midnight is a date'],
  ['28T10:00:00', '28T10:00:25', '10:00:00, 10:00:10, 10:00:20', 'seconds where there is nothing longer'],
  ['28T10:00:00', '28T11:30:00', '10:00, 10:30, 11:00, 11:30', 'minutes'],
  ['20T10:00:00', '27T10:00:00', '21 Nov, 23 Nov, 25 Nov, 27 Nov', 'days'],
  ['28T10:00:00', '28T10:00:00', '10:00:00', 'one time'],
];

test('an axis of times has round times, five at most', () => {
  for (const [from, to, labels, reason] of TIMES) {
    assert.equal(
      timeTicks(at(from), at(to))
        .map(({ label }) => label)
        .join(', '),
      labels,
      reason,
    );
  }
  for (const days of [0.01, 1, 8, 100, 1_000, 1_000_000]) {
    assert.ok(timeTicks(0, days * 86_400_000).length <= 6, `${days} days`);
  }
  assert.deepEqual(
    countTicks(1, 48).map(({ label }) => label),
    ['10', '20', '30', '40'],
  );
  assert.deepEqual(
    countTicks(3, 3).map(({ label }) => label),
    ['3'],
  );
});

const HOURS: [hours: number, labels: string, reason: string][] = [
  [23.5, '0, 6, 12, 18', 'a day of half-hours has quarters of a day'],
  [168, '0, 48, 96, 144', 'a week has days'],
  [4, '0, 1, 2, 3, 4', 'whole hours'],
  [0.4, '0, 0.1, 0.2, 0.3, 0.4', 'parts of an hour'],
  [0, '0', 'one moment'],
];

test('an axis of hours has round hours, five or six at most', () => {
  const ticksOf = (hours: number) => hourTicks(0, hours * 3_600_000).map(({ label }) => label);
  for (const [hours, labels, reason] of HOURS) assert.equal(ticksOf(hours).join(', '), labels, reason);
  for (const hours of [0.001, 1, 8, 100, 1_000, 1_000_000]) {
    const { length } = ticksOf(hours);
    assert.ok(length >= 2 && length <= 6, `${length} marks in ${hours} hours`);
  }
});

/** Snapshots at these times, in seconds; undefined is not known. */
function snapshotsAt(...seconds: (number | undefined)[]): LeakAnswer['snapshots'] {
  return seconds.map((second, n) => ({
    format: 'poolmon',
    file: undefined,
    line: n + 1,
    ...(second === undefined ? {} : { takenAtMs: second * 1000 }),
    rows: 1,
  }));
}

function chartOf(bytes: (number | null)[], snapshots: LeakAnswer['snapshots'], diff = bytes.map(() => null)) {
  const series = { snapshot: bytes.map((_, n) => n), bytes, diff: diff as (number | null)[] };
  return leakChart('c', 'Thre in nonpaged pool', series, snapshots);
}

test('a line goes from the first to the last time, and is broken where nothing was printed', () => {
  const chart = chartOf([0, 50, null, 100], snapshotsAt(0, 10, 20, 30))!;
  assert.equal(chart.path, 'M0 1000L333 500M1000 0');
  assert.equal(chart.dots.length, 3);
  assert.equal(chart.axis, 'Time (UTC)');
  assert.match(chart.description, /^From 0 bytes \(1970-01-01 00:00:00 UTC\) to 100 bytes/);
  assert.deepEqual(
    chart.table.rows.map(({ cells }) => cells.join()),
    ['0', '50', '–', '100'],
  );
});

test('one point and equal points are drawn, nothing is not', () => {
  const one = chartOf([5], snapshotsAt(7))!;
  assert.deepEqual([one.path, one.dots], ['M500 167', [{ x: '50%', y: '16.67%' }]]);
  assert.equal(one.description, 'One point: 5 bytes.');
  const equal = chartOf([MB, MB, MB], snapshotsAt(0, 1, 2))!;
  assert.doesNotMatch(equal.path + JSON.stringify(equal.yTicks), /NaN|Infinity/);
  assert.equal(chartOf([null, null], snapshotsAt(0, 1)), null);
  assert.equal(chartOf([], []), null);
});

test('where one time is not known or no date, snapshots are counted', () => {
  for (const times of [
    [0, undefined, 20],
    [0, 1e300, 20],
  ]) {
    const chart = chartOf([1, 2, 3], snapshotsAt(...times))!;
    assert.equal(chart.axis, 'Snapshot');
    assert.deepEqual(
      chart.xTicks.map(({ label }) => label),
      ['1', '2', '3'],
    );
    assert.equal(chart.table.rows[0].when, '1');
  }
});

test('where only the interval was given, hours since the first snapshot are counted', () => {
  const given = snapshotsAt(7, 7, 7).map((snapshot, n) => ({ ...snapshot, givenHours: n * 12 }));
  const chart = chartOf([1, 2, 3], given)!;
  assert.equal(chart.axis, 'Hours since the first snapshot');
  assert.equal(chart.title, 'Thre in nonpaged pool: bytes in use over time');
  assert.match(chart.description, /^From 1 byte \(after 0 hours\) to 3 bytes \(after 24 hours\)/);
  assert.deepEqual(
    chart.xTicks.map(({ label, at }) => `${label} ${at}`),
    ['0 0%', '6 25%', '12 50%', '18 75%', '24 100%'],
  );
  assert.deepEqual(
    chart.table.rows.map(({ when }) => when),
    ['0', '12', '24'],
  );
  const [untold] = snapshotsAt(7);
  assert.equal(chartOf([1, 2], [given[0], untold])!.axis, 'Time (UTC)', 'dates tell of both');
});

test('snapshots in another order than their times are drawn by time', () => {
  const chart = chartOf([30, 10, 20], snapshotsAt(30, 10, 20))!;
  assert.deepEqual(
    chart.table.rows.map(({ cells }) => cells[0]),
    ['10', '20', '30'],
  );
});

test('without bytes, the allocations in use are drawn', () => {
  const chart = chartOf([null, null], snapshotsAt(0, 1), [3, 9] as never)!;
  assert.equal(chart.unit, 'Allocations in use');
  assert.deepEqual(chart.table.columns, ['Allocations in use']);
});

test('many points are thinned evenly, the table more than the line, and both say so', () => {
  const many = Array.from({ length: 2_000 }, (_, n) => n);
  const chart = chartOf(many, snapshotsAt(...many))!;
  assert.equal(chart.path.match(/[ML]/g)?.length, 500);
  assert.equal(chart.table.rows.length, 50);
  assert.equal(chart.table.rows.at(-1)!.cells[0], '1,999');
  assert.equal(chart.table.note, '50 of 2,000 points, evenly chosen.');
  assert.deepEqual(chart.dots, []);
});

test('exact numbers and times are written for tables, whatever they are', () => {
  assert.equal(exactNumber(12_345_678), '12,345,678');
  assert.equal(exactNumber(-1_234.4), '−1,234');
  assert.equal(exactNumber(undefined), '–');
  assert.equal(timeText(0), '1970-01-01 00:00:00');
  assert.equal(timeText(1e300), '–');
});
