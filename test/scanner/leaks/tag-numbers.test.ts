/** Counters that wrap around, numbers that cannot be, thinning, and bounds on what is kept. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import '../../property-seed.ts';
import { tagFromUlong } from '../../../data/pool-tag.ts';
import { MAX_FRAMES, MAX_TAGS } from '../../../scanner/leaks/frame-store.ts';
import { LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import type { LeakReport } from '../../../scanner/leaks/leak-report.ts';
import type { PoolRow, PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';
import { at, row, START_MS, snapshot } from './made-snapshots.ts';

const COUNTERS = 2 ** 32;

function report(snapshots: PoolSnapshot[]): LeakReport {
  const analysis = new LeakAnalysis();
  for (const one of snapshots) analysis.add(one);
  return analysis.report();
}

function rowsOf(rows: Partial<PoolRow>[]): PoolSnapshot[] {
  return rows.map((more, hour) => snapshot([row('Test', 1_000 * (hour + 1), more)], at(hour)));
}

test('A 32-bit counter that wraps around is counted on', () => {
  const [trend] = report(
    rowsOf([
      { allocs: COUNTERS - 500, frees: COUNTERS - 600, diff: 100 },
      { allocs: 500, frees: COUNTERS - 100, diff: 600 },
      { allocs: 1_500, frees: 400, diff: 1_100 },
    ]),
  ).tags;
  assert.deepEqual(trend.last.allocs, COUNTERS + 1_500);
  assert.deepEqual(trend.last.frees, COUNTERS + 400);
  assert.deepEqual(trend.series.diff, [100, 600, 1_100]);
  assert.deepEqual(
    trend.events.map(({ kind, snapshot: place }) => [kind, place]),
    [
      ['counter-wrapped', 1],
      ['counter-wrapped', 2],
    ],
  );
});

const GARBAGE: [name: string, row: Partial<PoolRow>, diff: number | undefined, bytes: number | undefined][] =
  [
    [
      'a negative difference after a wrap',
      { allocs: 500, frees: COUNTERS - 100, diff: 500 - COUNTERS + 100 },
      600,
      1_000,
    ],
    [
      'another difference than the counters have',
      { allocs: 700, frees: 100, diff: 4_000_000_000 },
      600,
      1_000,
    ],
    ['negative bytes', { allocs: 700, frees: 100, bytes: -5 }, 600, undefined],
    ['bytes beyond all memory', { bytes: 2 ** 60 }, undefined, undefined],
    ['a negative difference without counters', { diff: -3 }, undefined, 1_000],
  ];
for (const [name, more, diff, bytes] of GARBAGE) {
  test(`Noticed and put right: ${name}`, () => {
    const { tags, remarks } = report([snapshot([row('Test', 1_000, more)])]);
    assert.deepEqual([tags[0].last.diff, tags[0].last.bytes], [diff, bytes]);
    if (more.diff !== 500 - COUNTERS + 100) assert.match(remarks[0].message, /^1 printed numbers cannot be/);
  });
}

test('The difference is computed where only counters are printed', () => {
  const [trend] = report([snapshot([row('Test', 1_200, { allocs: 700, frees: 100 })])]).tags;
  assert.deepEqual(trend.last, { allocs: 700, frees: 100, diff: 600, bytes: 1_200, bytesPerAlloc: 2 });
});

test('Only bytes: a tag has no numbers that were not printed', () => {
  const [trend] = report(rowsOf([{}, {}, {}])).tags;
  assert.deepEqual(trend.first, { bytes: 1_000 });
  assert.deepEqual(trend.series.diff, [null, null, null]);
  assert.equal(trend.allocsRate, undefined);
});

test('Only allocations in use: the trend is one of allocations', () => {
  const [trend] = report(rowsOf([10, 20, 30].map(diff => ({ diff: diff * 1_000, bytes: undefined })))).tags;
  assert.equal(trend.growthBytes, undefined);
  assert.equal(trend.bytesRate, undefined);
  assert.equal(trend.allocsRate!.perHour, 10_000);
  assert.match(trend.reasons[0], /^Grew from 10,000 allocations to 30,000 allocations in 2 hours/);
});

test('A tag twice in a snapshot is a remark; tags that are printed alike are added up', () => {
  const alike = { isInexact: true as const };
  const made = report([
    snapshot([row('Test', 1), row('Test', 2), row('rx..', 10, alike), row('rx..', 20, alike)]),
  ]);
  assert.deepEqual(
    made.tags.map(({ tag, last, isInexact }) => [tag, last.bytes, isInexact]),
    [
      ['rx..', 30, true],
      ['Test', 2, false],
    ],
  );
  assert.match(made.remarks[0].message, /^2 rows name a tag/);
});

test('Of 2,600 snapshots at most 500 are kept, evenly, the first and the last among them, and all count', () => {
  const analysis = new LeakAnalysis();
  for (let i = 0; i < 2_600; i++) analysis.add(snapshot([row('Test', 1_000 + i)], at(i / 60)));
  const made = analysis.report();
  const { bytes } = made.tags[0].series;
  assert.ok(bytes.length <= MAX_FRAMES + 1 && bytes.length > MAX_FRAMES / 2, `${bytes.length} points`);
  assert.deepEqual([bytes[0], bytes.at(-1)], [1_000, 3_599]);
  const gaps = new Set(bytes.slice(1, -1).map((value, i) => value! - bytes[i]!));
  assert.equal(gaps.size, 1, 'all as far apart');
  assert.deepEqual([made.compared, made.thinnedTo, made.snapshots.length], [2_600, bytes.length, 2_600]);
});

test('500 snapshots are all kept', () => {
  const analysis = new LeakAnalysis();
  for (let i = 0; i < 500; i++) analysis.add(snapshot([row('Test', 1_000 + i)], at(i / 60)));
  const made = analysis.report();
  assert.deepEqual([made.tags[0].series.bytes.length, made.thinnedTo], [500, undefined]);
});

test('A million different tags are bounded, with a remark', () => {
  const analysis = new LeakAnalysis();
  for (let i = 0; i < 20; i++) {
    const rows = Array.from({ length: 50_000 }, (_, k): PoolRow => {
      return { tag: tagFromUlong(i * 50_000 + k), pool: 'paged', bytes: k };
    });
    analysis.add(snapshot(rows, at(i)));
  }
  const made = analysis.report();
  assert.equal(made.tags.length, MAX_TAGS);
  assert.match(
    made.remarks.map(({ message }) => message).join('\n'),
    /more than 20,000 different tags.*980,000 rows of others/,
  );
});

test('Remarks are kept up to a bound and counted beyond it', () => {
  const analysis = new LeakAnalysis();
  for (let line = 1; line <= 1_000; line++)
    analysis.addRemark({ file: 'junk.log', line, message: 'Not a row.' });
  const { remarks, moreRemarks } = analysis.report();
  assert.deepEqual([remarks.length, moreRemarks], [200, 800]);
});

test('A report may be asked for while snapshots still come, and says the same each time', () => {
  const analysis = new LeakAnalysis();
  for (const one of rowsOf([{}, {}, { bytes: -1 }])) analysis.add(one);
  analysis.addRemark({ file: 'pool.log', line: 9, message: 'Not a row.' });
  const first = analysis.report();
  assert.equal(first.remarks.length, 2);
  assert.deepEqual(analysis.report(), first);
  analysis.add(snapshot([row('Test', 9_000)], at(3)));
  assert.equal(analysis.report().tags[0].last.bytes, 9_000);
});

test('Whatever the numbers, there is a report without a number that JSON cannot hold', () => {
  const odd = fc.oneof(
    fc.constantFrom(0, 1, -1, COUNTERS - 1, COUNTERS, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY),
    fc.nat(5_000_000_000),
    fc.double(),
  );
  const number = fc.option(odd, { nil: undefined });
  const rowOf = fc
    .tuple(
      fc.constantFrom('Thre', 'File', '\0\0\0\0', '<b>"', 'Io  '),
      fc.boolean(),
      number,
      number,
      number,
      number,
    )
    .map(([tag, isPaged, allocs, frees, diff, bytes]) =>
      row(tag, 0, { pool: isPaged ? 'paged' : 'nonpaged', allocs, frees, diff, bytes }),
    );
  const one = fc
    .tuple(fc.array(rowOf, { maxLength: 6 }), number, fc.constantFrom(undefined, 'all', 1), number)
    .map(([rows, hour, session, limit]) =>
      snapshot(rows, {
        takenAtMs: hour === undefined ? undefined : START_MS + hour,
        session: session as 'all' | 1 | undefined,
        memory: limit === undefined ? {} : { nonpagedLimitBytes: limit, nonpagedBytes: 5_000 },
      }),
    );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 15 }), snapshots => {
      const { tags, ...rest } = report(snapshots);
      for (const trend of tags) {
        const { memory, ...numbers } = { ...trend, memory: undefined };
        assertFinite(numbers);
        assert.ok(
          trend.reasons.every(reason => !/NaN|Infinity|undefined/.test(reason)),
          trend.reasons.join(' '),
        );
      }
      assertFinite({ spanHours: rest.spanHours, compared: rest.compared });
    }),
    { numRuns: 300 },
  );
});

function assertFinite(value: unknown): void {
  if (typeof value === 'number') assert.ok(Number.isFinite(value));
  else if (value !== null && typeof value === 'object') Object.values(value).forEach(assertFinite);
}
