/** One snapshot to five: what they show is said, and no more. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import type { LeakReport, Verdict } from '../../../scanner/leaks/leak-report.ts';
import type { MemoryFacts, PoolRow, PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';
import { at, log, row, snapshot } from './made-snapshots.ts';

const MB = 2 ** 20;

function report(snapshots: PoolSnapshot[]): LeakReport {
  const analysis = new LeakAnalysis();
  for (const one of snapshots) analysis.add(one);
  return analysis.report();
}

const SINGLES: [name: string, row: PoolRow, memory: MemoryFacts, verdict: Verdict, reason: RegExp][] = [
  [
    'many threads that are not freed',
    row('Thre', 220_826_112, { allocs: 378_580, frees: 24_692, diff: 353_888 }),
    {},
    'suspicious',
    /^Of 378,580 allocations only 24,692 were freed, and 211 MB are in use\.$/,
  ],
  [
    'as many bytes where most are freed',
    row('Thre', 220_826_112, { allocs: 3_785_800, frees: 3_431_912, diff: 353_888 }),
    {},
    'not-compared',
    /^Holds 211 MB in the one snapshot/,
  ],
  [
    'few large buffers',
    row('EtwB', 300 * MB, { allocs: 120, frees: 20, diff: 100 }),
    {},
    'not-compared',
    /nothing is said of growth/,
  ],
  [
    'a fifth of what the pool may hold',
    row('EtwB', 200 * MB),
    { nonpagedLimitBytes: 1_000 * MB, nonpagedBytes: 400 * MB },
    'suspicious',
    /^Holds 200 MB, 20 % of all that the pool may hold\.$/,
  ],
  [
    'a limit below what is in use, as debuggers miscount',
    row('EtwB', 200 * MB),
    { nonpagedLimitBytes: 300 * MB, nonpagedBytes: 400 * MB },
    'not-compared',
    /./,
  ],
  [
    'a part of the limit of the other pool',
    row('EtwB', 200 * MB),
    { pagedLimitBytes: 1_000 * MB },
    'not-compared',
    /./,
  ],
  [
    'a row without bytes',
    { ...row('Abcd', 0), bytes: undefined, diff: 5 },
    {},
    'not-compared',
    /one snapshot only/,
  ],
];
for (const [name, only, memory, verdict, reason] of SINGLES) {
  test(`In one snapshot ${name}: ${verdict}`, () => {
    const { tags, compared, spanHours, groups } = report([snapshot([only], { memory })]);
    assert.equal(tags[0].verdict, verdict);
    assert.match(tags[0].reasons[0], reason);
    assert.deepEqual([compared, spanHours, groups.length], [1, undefined, 0]);
    assert.equal(tags[0].growthBytes === undefined || tags[0].growthBytes === 0, true);
  });
}

test('The share of the pool is that of the header', () => {
  const { tags } = report([snapshot([row('Thre', 30 * MB)], { memory: { nonpagedBytes: 120 * MB } })]);
  assert.equal(tags[0].poolShare, 0.25);
});

const FEW: [name: string, megabytes: number[], verdict: Verdict, reason: RegExp][] = [
  ['two, the second higher', [10, 20], 'suspicious', /Two snapshots cannot tell a leak from a busy hour/],
  ['two, hardly changed', [10, 10.2], 'steady', /a change of 2 %/],
  ['two, the second lower', [20, 10], 'shrinking', /^Fell from 20 MB to 10 MB in 30 minutes\.$/],
  ['two alike', [10, 10], 'steady', /^Stayed at 10 MB in 30 minutes\.$/],
  ['three that rise', [10, 20, 30], 'suspicious', /3 snapshots can hardly tell/],
  ['three up and down', [10, 30, 20], 'steady', /went down as well as up/],
  ['five that rise', [10, 20, 30, 40, 50], 'suspicious', /in 4 of 4 steps up/],
  ['five of which the last ones stay', [10, 30, 40, 45, 45], 'growing but bounded', /had stopped growing/],
  ['five that fall', [50, 40, 30, 20, 10], 'shrinking', /^Fell from 50 MB to 10 MB/],
];
for (const [name, megabytes, verdict, reason] of FEW) {
  test(`Few snapshots, ${name}: ${verdict}`, () => {
    const [trend] = report(log({ Test: megabytes.map(size => size * MB) })).tags;
    assert.equal(trend.verdict, verdict, trend.reasons.join(' '));
    assert.match(trend.reasons.join(' '), reason);
    assert.equal(trend.bytesRate !== undefined, megabytes.length > 2, 'a rate from three snapshots on');
  });
}

test('Two snapshots name allocations of which none was freed, even where little was added', () => {
  const rows = (allocs: number) => [
    row('Leak', allocs * 1_024, { allocs, frees: 50_000, diff: allocs - 50_000 }),
  ];
  const [trend] = report([snapshot(rows(100_000), at(0)), snapshot(rows(100_200), at(1))]).tags;
  assert.equal(trend.verdict, 'suspicious');
  assert.match(trend.reasons.join(' '), /200 were allocated in that time and not one was freed/);
});

test('Six snapshots are enough for a single tag that rises evenly in all of a day', () => {
  const [trend] = report(log({ Test: [10, 20, 30, 40, 50, 60].map(size => size * MB) }, 4)).tags;
  assert.equal(trend.verdict, 'leaking');
});
