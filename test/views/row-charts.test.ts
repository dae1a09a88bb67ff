import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { LeakAnswer } from '../../api/leaks/leak-answer.ts';
import { chartNumbers, thinned } from '../../api/page-models/chart-numbers.ts';
import { rowCharts } from '../../api/page-models/row-charts.ts';
import type { TagSeries } from '../../scanner/leaks/leak-report.ts';

const NUMBERS: [values: (number | null)[], text: string, reason: string][] = [
  [[1000, 1005, 1005, 1002], '1000,5,,-3', 'differences, and nothing for none'],
  [[0], '', 'zero alone'],
  [[null, 7, null, 8], 'x,7,x,1', 'what is not printed counts for nothing'],
  [[1e300, 5], '=1e+300,=5', 'what a difference would not tell stands whole'],
  [[0.5, 2], '=0.5,=2', 'so do parts'],
];

test('numbers are sent as their differences', () => {
  for (const [values, text, reason] of NUMBERS) assert.equal(chartNumbers(values), text, reason);
});

/** As views/assets/leaks/charts.js reads them. */
function numbersOf(text: string): (number | null)[] {
  let before = 0;
  return text.split(',').map(step => {
    if (step === 'x') return null;
    before = step.startsWith('=') ? Number(step.slice(1)) : before + Number(step);
    return before;
  });
}

test('what is sent is read back, whatever it is', () => {
  const value = fc.option(fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true })));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), values => {
      const text = chartNumbers(values);
      assert.deepEqual(
        numbersOf(text).map(one => (one === null ? null : one + 0)),
        values.map(one => (one === null ? null : one + 0)),
      );
      assert.match(text, /^[-+0-9a-zA-Z=.,]*$/);
    }),
  );
});

test('points are chosen evenly, the first and the last among them', () => {
  const all = Array.from({ length: 11 }, (_, n) => n);
  assert.deepEqual(thinned(all, 3), [0, 5, 10]);
  assert.deepEqual(thinned(all, 11), all);
  assert.deepEqual(thinned(all, 1), [10]);
});

/** Half-hours, in milliseconds from zero; undefined is not known. */
function snapshots(...times: (number | undefined)[]): LeakAnswer['snapshots'] {
  return times.map((time, line) => ({
    format: 'poolmon',
    file: undefined,
    line,
    rows: 1,
    ...(time === undefined ? {} : { takenAtMs: time }),
  }));
}

function series(bytes: (number | null)[], at = bytes.map((_, n) => n), diff = bytes): { series: TagSeries } {
  return { series: { snapshot: at, bytes, diff } };
}

test('times are sent once, and rows that are in every snapshot have no places', () => {
  const charts = rowCharts([series([10, 20, 30]), series([5, 6], [0, 2])], snapshots(0, 1800, 3600))!;
  assert.deepEqual(
    [charts.kind, charts.label, charts.times, charts.note],
    ['clock', 'Time (UTC)', ',1800,1800', null],
  );
  assert.deepEqual(charts.rows, [
    { isBytes: true, points: '10,10,10', at: null, axis: '0,10,3,1,bytes' },
    { isBytes: true, points: '5,1', at: null, axis: '5,1,1,1,bytes' },
  ]);
  const gap = rowCharts([series([1, 2, 3]), series([5, 6], [1, 2])], snapshots(0, 1800, 3600))!;
  assert.equal(gap.rows[1]!.at, '1,1');
  const single = rowCharts([series([1, 2, 3]), series([5], [0])], snapshots(0, 1800, 3600))!;
  assert.equal(single.rows[1]!.at, null, 'the first place');
  const late = rowCharts([series([1, 2, 3]), series([5], [2])], snapshots(0, 1800, 3600))!;
  assert.equal(late.rows[1]!.at, '2');
});

test('snapshots in another order than their times are put into it', () => {
  const charts = rowCharts([series([30, 10, 20])], snapshots(300, 100, 200))!;
  assert.deepEqual([charts.times, charts.rows[0]!.points], ['100,100,100', '10,10,10']);
});

test('where one time is not known, snapshots are counted', () => {
  const charts = rowCharts([series([1, 2, 3])], snapshots(0, undefined, 2))!;
  assert.deepEqual([charts.kind, charts.times], ['count', '1,1,1']);
});

test('one snapshot has no courses, and nothing is sent for it', () => {
  assert.equal(rowCharts([series([1]), series([2])], snapshots(0)), null);
  assert.equal(rowCharts([series([1]), series([2])], snapshots(0, 1)), null, 'nothing is compared');
  assert.equal(rowCharts([], snapshots(0, 1)), null);
});

test('without bytes the allocations are sent, and a row without figures has no course', () => {
  const none = [null, null];
  const charts = rowCharts([series(none, [0, 1], [3, 9] as never), series(none)], snapshots(0, 1))!;
  assert.deepEqual(charts.rows, [{ isBytes: false, points: '3,6', at: null, axis: '0,5,2,1,' }, null]);
});

test('however many points and rows there are, they stay within a bound, and what is left out is said', () => {
  const taken = snapshots(...Array.from({ length: 500 }, (_, n) => n * 1_800_000));
  const noisy = (seed: number) =>
    series(taken.map((_, n) => 9_000_000_000_000 + ((n * 7_919 + seed * 104_729) % 8_999) * 1_000_000_007));
  const few = rowCharts(
    Array.from({ length: 5 }, (_, n) => noisy(n)),
    taken,
  )!;
  assert.equal(few.note, 'At most 100 points of a tag, evenly chosen.');
  assert.equal(few.rows[0]!.points.split(',').length, 100);
  assert.equal(few.rows[0]!.at, null);
  const many = rowCharts(
    Array.from({ length: 500 }, (_, n) => noisy(n)),
    taken,
  )!;
  const bytes = many.rows.reduce((sum, row) => sum + row!.points.length, 0);
  assert.ok(bytes > 100_000 && bytes <= 160_000, `${bytes} bytes`);
  assert.match(many.note!, /^At most \d\d points of a tag, evenly chosen\.$/);
  assert.equal(numbersOf(many.rows[7]!.points).at(-1), noisy(7).series.bytes.at(-1), 'the last stays');
});

test('absurd figures and figures that thinning leaves out still have an axis', () => {
  const taken = snapshots(...Array.from({ length: 400 }, (_, n) => n));
  const rare = taken.map((_, n) => (n === 201 ? 7 : null));
  const charts = rowCharts([series([1e300, 0], [0, 399]), series(rare), series([0, 0], [0, 399])], taken)!;
  for (const row of charts.rows) assert.doesNotMatch(`${row!.axis} ${row!.points}`, /NaN|Infinity/);
});
