/** The statistics by themselves: known answers, and properties. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import '../../property-seed.ts';
import { takeOutBursts } from '../../../scanner/leaks/find-events.ts';
import { holmCorrected, monotoneTrend, upperTail } from '../../../scanner/leaks/monotone-trend.ts';
import { median, robustDeviation, selectRank } from '../../../scanner/leaks/select-rank.ts';
import { noise } from './made-snapshots.ts';

/** From tables of the normal distribution. */
const TAILS: [z: number, p: number][] = [
  [0, 0.5],
  [1, 0.158655],
  [-1, 0.841345],
  [1.959964, 0.025],
  [2.999, 0.00135434],
  [3.001, 0.00134546],
  [5, 2.8665e-7],
  [10, 7.61985e-24],
];
for (const [z, p] of TAILS) {
  test(`Beyond ${z} lies ${p} of the normal distribution`, () => {
    assert.ok(Math.abs(upperTail(z) / p - 1) < 1e-4, String(upperTail(z)));
  });
}

const floats = (...values: number[]) => Float64Array.from(values);
const hoursOf = (count: number) => Float64Array.from({ length: count }, (_, i) => i);

const TRENDS: [name: string, values: number[], slope: number, low: number, high: number][] = [
  ['a line', [1, 3, 5, 7, 9, 11], 2, 2, 2],
  ['one wild point does not move it', [1, 3, 5, 100, 9, 11], 2, -2, 97],
  ['three points', [0, 1, 5], 2.5, 1, 4],
  ['a falling line', [5, 4, 3, 2, 1, 0], -1, -1, -1],
  ['no change', [4, 4, 4, 4, 4, 4], 0, 0, 0],
];
for (const [name, values, slope, low, high] of TRENDS) {
  test(`Theil-Sen: ${name}`, () => {
    const trend = monotoneTrend(hoursOf(values.length), floats(...values), 0);
    assert.equal(trend.slope, slope);
    assert.ok(
      trend.low >= low && trend.low <= slope && trend.high <= high && trend.high >= slope,
      JSON.stringify(trend),
    );
  });
}

test('Mann-Kendall has the known statistic: S = 29 of ten values has P = 0.0061 on one side', () => {
  // S = 29, variance 10 * 9 * 25 / 18 = 125, z = 28 / 11.18.
  const values = floats(1, 2, 4, 3, 5, 6, 8, 7, 9, 11);
  assert.equal(
    monotoneTrend(hoursOf(10), values, 0).mannKendallP.toFixed(5),
    upperTail(40 / Math.sqrt(125)).toFixed(5),
  );
  const mixed = floats(3, 1, 2, 6, 4, 5, 9, 8, 10, 7);
  assert.equal(
    monotoneTrend(hoursOf(10), mixed, 0).mannKendallP.toFixed(5),
    upperTail(28 / Math.sqrt(125)).toFixed(5),
  );
});

test('Ties and noise that remembers make Mann-Kendall more careful', () => {
  const values = floats(...noise(48, 3, 0.8).map((value, i) => i * 0.05 + value));
  const plain = monotoneTrend(hoursOf(48), values, 0).mannKendallP;
  const careful = monotoneTrend(hoursOf(48), values, 0.8).mannKendallP;
  assert.ok(careful > plain * 2, `${plain} and ${careful}`);
});

test('Noise that remembers does not raise more false trends than the test allows', () => {
  for (const memory of [0.3, 0.7, 0.9]) {
    let alarms = 0;
    for (let seed = 0; seed < 1_000; seed++) {
      if (monotoneTrend(hoursOf(48), floats(...noise(48, seed, memory)), memory).risingP < 0.01) alarms++;
    }
    assert.ok(alarms <= 25, `${alarms} of 1,000 below 0.01 where noise remembers ${memory}`);
  }
});

test('The interval holds the true slope about as often as it says', () => {
  let held = 0;
  for (let seed = 0; seed < 500; seed++) {
    const values = floats(...noise(48, seed, 0.7).map((value, i) => 3 * i + value));
    const { low, high } = monotoneTrend(hoursOf(48), values, 0.7);
    if (low <= 3 && high >= 3) held++;
  }
  assert.ok(held >= 450 && held <= 498, `${held} of 500`);
});

const HOLM: [probabilities: number[], corrected: number[], reason: string][] = [
  [[], [], 'nothing to correct'],
  [[0.01], [0.01], 'one test needs none'],
  [[0.01, 0.04, 0.03], [0.03, 0.06, 0.06], 'times 3, 2 and 1, never below the one before'],
  [[0.5, 0.6], [1, 1], 'no more than 1'],
];
for (const [probabilities, corrected, reason] of HOLM) {
  test(`Holm's correction of ${JSON.stringify(probabilities)}: ${reason}`, () => {
    assert.deepEqual(holmCorrected(probabilities), corrected);
  });
}

test('The k-th smallest is the one that sorting gives', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1 }), fc.nat(), (values, any) => {
      const rank = any % values.length;
      assert.equal(selectRank(Float64Array.from(values), rank), [...values].sort((a, b) => a - b)[rank]);
    }),
  );
});

test('Median and deviation of a few numbers', () => {
  assert.deepEqual([median([3]), median([1, 9]), median([5, 1, 3]), median([4, 1, 3, 2])], [3, 5, 3, 2.5]);
  assert.equal(robustDeviation([1, 2, 3, 4, 1_000]), 1.4826);
});

const BURSTS: [name: string, values: number[], bursts: [from: number, to: number][]][] = [
  ['one point', [1, 1, 1, 9, 1, 1, 1, 1, 1, 1, 1, 1], [[3, 3]]],
  ['two points', [1, 2, 1, 30, 30, 1, 2, 1, 2, 1, 2, 1], [[3, 4]]],
  ['a dip', [9, 9, 9, 1, 9, 9, 9, 9, 9, 9, 9, 9], [[3, 3]]],
  ['at the start', [9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [[0, 1]]],
  ['at the end', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9, 9], [[10, 11]]],
  ['one on another', [...new Array(24).fill(1), 9, 9, 12, 4, 4, ...new Array(11).fill(1)], [[24, 28]]],
  ['half of it stays', [...new Array(24).fill(1), 9, 9, 9, ...new Array(12).fill(3)], [[24, 26]]],
  ['a step', [1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9], []],
  ['a rise that begins near the end', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 5], []],
  ['on a line', [1, 2, 3, 4, 50, 6, 7, 8, 9, 10, 11, 12], [[4, 4]]],
  ['no burst', [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2], []],
  ['too few points', [1, 9, 1], []],
];
for (const [name, values, bursts] of BURSTS) {
  test(`Bursts: ${name}`, () => {
    const { bursts: found, calm } = takeOutBursts(floats(...values), 0.01);
    assert.deepEqual(
      found.map(({ from, to }) => [from, to]),
      bursts,
    );
    for (const [from, to] of bursts) {
      for (let i = from; i <= to; i++) assert.notEqual(calm[i], values[i]);
    }
  });
}
