/** The verdict on one tag among a hundred quiet ones, by the shape of its numbers over a day. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import type { LeakReport, TagTrend, Verdict } from '../../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';
import { log, noise, quietTags } from './made-snapshots.ts';

const POINTS = 48;
const MB = 2 ** 20;
const day = (i: number) => (2 * Math.PI * i) / 48;

function report(snapshots: PoolSnapshot[]): LeakReport {
  const analysis = new LeakAnalysis();
  for (const one of snapshots) analysis.add(one);
  return analysis.report();
}

function tagOf({ tags }: LeakReport, tag: string): TagTrend {
  const found = tags.find(trend => trend.tag === tag);
  assert.ok(found, `${tag} is in the report`);
  return found;
}

/** Level 10 MB and noise of 2 % that remembers, unless the shape says otherwise. */
const SHAPES: [name: string, shape: (i: number, noise: number) => number, verdicts: Verdict[]][] = [
  ['a leak', (i, e) => 10 + 0.1 * i + 0.2 * e, ['leaking']],
  [
    'a slow leak that ends 8 times above its noise',
    (i, e) => 10 + (1.6 / 47) * i + 0.2 * e,
    ['leaking', 'suspicious'],
  ],
  ['a leak without noise', i => 10 + 0.01 * i, ['leaking']],
  ['a leak that begins in the middle', (i, e) => 10 + 0.3 * Math.max(0, i - 24) + 0.2 * e, ['leaking']],
  ['a leak that speeds up', (i, e) => 10 + 0.01 * i * i + 0.2 * e, ['leaking']],
  ['a leak on a daily wave', (i, e) => 10 + 2 * Math.sin(day(i)) + 0.2 * i + 0.2 * e, ['leaking']],
  ['a leak with a burst', (i, e) => 10 + 0.1 * i + (i > 20 && i < 25 ? 20 : 0) + 0.2 * e, ['leaking']],
  [
    'a leak that begins after a burst at the start',
    (i, e) => 10 + (i < 3 ? 15 : 0.2 * i) + 0.2 * e,
    ['leaking'],
  ],
  ['a leak after a cache has filled', (i, e) => 5 + Math.min(5, i / 2) + 0.3 * i + 0.1 * e, ['leaking']],
  [
    'a cache that fills ever more slowly',
    (i, e) => 10 * (1 - Math.exp(-i / 5)) + 0.2 * e,
    ['growing but bounded'],
  ],
  ['a cache that fills evenly', (i, e) => 2 + 8 * Math.min(1, i / 14) + 0.2 * e, ['growing but bounded']],
  ['a cache that fills without noise', i => 2 + 8 * Math.min(1, i / 14), ['growing but bounded']],
  ['a step', (i, e) => 10 + (i >= 30 ? 5 : 0) + 0.2 * e, ['growing but bounded']],
  ['a step at the end', (i, e) => 10 + (i >= 45 ? 5 : 0) + 0.2 * e, ['steady', 'growing but bounded']],
  ['a daily wave', (i, e) => 10 + 2 * Math.sin(day(i)) + 0.2 * e, ['steady']],
  [
    'a daily wave that ends high',
    (i, e) => 10 - 2 * Math.cos(day(i) * 0.98 - 1) + 0.2 * e,
    ['steady', 'growing but bounded', 'shrinking'],
  ],
  ['noise', (_, e) => 10 + 0.2 * e, ['steady']],
  ['a burst', (i, e) => 10 + (i > 30 && i < 35 ? 30 : 0) + 0.2 * e, ['steady']],
  ['no change', () => 10, ['steady']],
  ['nothing at all', () => 0, ['steady']],
  ['one burst and no other change', i => (i === 20 ? 11 : 10), ['steady']],
  ['a fall', (i, e) => 20 - 0.1 * i + 0.2 * e, ['shrinking']],
  ['growth by less than a page', i => 10 + (i * 40) / MB, ['steady', 'growing but bounded']],
  ['three changes', i => 10 + Math.floor(i / 14), ['suspicious', 'growing but bounded', 'steady']],
];
for (const [name, shape, verdicts] of SHAPES) {
  test(`${name} is called ${verdicts.join(' or ')}`, () => {
    const random = noise(POINTS, 5, 0.5);
    const values = random.map((value, i) => Math.round(MB * shape(i, value)));
    const trend = tagOf(report(log({ ...quietTags(100, POINTS), Test: values })), 'Test');
    assert.ok(verdicts.includes(trend.verdict), `${trend.verdict}: ${trend.reasons.join(' ')}`);
    assert.ok(trend.reasons.length > 0 && trend.reasons.every(reason => /^[A-Z0-9].*\.$/.test(reason)));
  });
}

test('A slow leak stands before a large cache that breathes, though that moves by more bytes', () => {
  const cache = noise(POINTS, 9, 0.9).map(value => 100 * MB * (1 + 0.02 * value));
  const leak = Array.from({ length: POINTS }, (_, i) => 100_000 + i * 30 * 1024);
  const { tags } = report(log({ ...quietTags(50, POINTS), MmSt: cache, Leak: leak }));
  assert.equal(tags[0].tag, 'Leak');
  assert.equal(tags[0].verdict, 'leaking');
});

test('Of two leaks the faster one comes first', () => {
  const line = (slope: number) => Array.from({ length: POINTS }, (_, i) => MB + slope * i);
  const { tags } = report(log({ Slow: line(5_000), Fast: line(50_000) }));
  assert.deepEqual(
    tags.map(({ tag }) => tag),
    ['Fast', 'Slow'],
  );
});

test('Where both ends read alike, the reason says by how much they differ', () => {
  const values = Array.from({ length: POINTS }, (_, i) => 20 * 2 ** 30 + i * 4_096);
  const { reasons } = tagOf(report(log({ Larg: values })), 'Larg');
  assert.match(
    reasons.join(' '),
    /^Stays near 20 GB without a trend that goes on\. Grew by 188 KB to 20 GB in 23\.5 hours/,
  );
});

test('The decisive reason has numbers that people can check', () => {
  const values = Array.from({ length: POINTS }, (_, i) => MB + i * 64 * 1024 - (i === 30 ? 80_000 : 0));
  const [trend] = report(log({ Test: values })).tags;
  assert.equal(
    trend.reasons[0],
    'Grew from 1 MB to 3.94 MB in 23.5 hours: 128 KB an hour (95 % between 128 KB and 128 KB), in 46 of 47 steps up.',
  );
  assert.equal(trend.bytesRate!.perHour, 128 * 1024);
  assert.equal(trend.growthBytes, 47 * 64 * 1024);
  assert.ok(trend.trendP! < 1e-9, String(trend.trendP));
});

test('Random walks among thousands of tags are not called leaks', () => {
  const tags: Record<string, number[]> = {};
  for (let i = 0; i < 600; i++) {
    const walk = [1e6];
    for (const step of noise(POINTS - 1, 20_000 + i)) walk.push(Math.round(walk.at(-1)! + 20_000 * step));
    tags[`w${String(i).padStart(3, '0')}`] = walk;
  }
  const { tags: trends } = report(log(tags));
  assert.deepEqual(
    trends.filter(({ verdict }) => verdict === 'leaking').map(({ reasons }) => reasons),
    [],
  );
});

test('Within an hour neither a daily wave nor a cache that fills can be excluded, and the words say so', () => {
  const wave = Array.from({ length: POINTS }, (_, i) => 10 * MB + 10_000 * i);
  const fast = Array.from({ length: POINTS }, (_, i) => MB + 100_000 * i);
  const made = report(
    log({ ...quietTags(40, POINTS), Wave: wave, Fast: fast, Held: new Array(POINTS).fill(500 * MB) }, 1 / 48),
  );
  assert.match(
    tagOf(made, 'Wave').reasons.join(' '),
    /goes up and down with the day could do the same within 59 minutes/,
  );
  assert.match(tagOf(made, 'Fast').reasons.join(' '), /cache that fills for hours could do the same/);
  assert.deepEqual([tagOf(made, 'Wave').verdict, tagOf(made, 'Fast').verdict], ['suspicious', 'suspicious']);
});

test('What takes a large part of the pool within an hour is called a leak all the same', () => {
  const fast = Array.from({ length: POINTS }, (_, i) => MB + 4 * MB * i);
  const made = report(log({ ...quietTags(40, POINTS), Fast: fast }, 1 / 48));
  assert.equal(tagOf(made, 'Fast').verdict, 'leaking');
});
