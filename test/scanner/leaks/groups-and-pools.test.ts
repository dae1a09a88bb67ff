/** Tags that rise together, when the pool will be full, and what snapshots tell beside the rows. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type PoolTag, poolTag } from '../../../data/pool-tag.ts';
import { type AnalysisOptions, LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import type { LeakReport } from '../../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot, VerifiedDriver } from '../../../scanner/snapshots/pool-snapshot.ts';
import { at, log, noise, quietTags, row, snapshot } from './made-snapshots.ts';

const POINTS = 48;
const MB = 2 ** 20;
const COMPANIONS = new Map<PoolTag, PoolTag[]>(
  Object.entries({
    File: ['FMfn', 'Ntfc', 'IoNm'],
    FMfn: ['File', 'Ntfc', 'IoNm'],
    IoNm: ['File', 'FMfn', 'Ntfc'],
    Thre: ['Proc', 'Even'],
    Even: ['Thre', 'Proc'],
  }).map(([tag, others]) => [poolTag(tag), others.map(poolTag)]),
);

function report(snapshots: PoolSnapshot[], options?: AnalysisOptions): LeakReport {
  const analysis = new LeakAnalysis(options);
  for (const one of snapshots) analysis.add(one);
  return analysis.report();
}

/** Opened files that are never closed, in uneven numbers: the count after each snapshot. */
function uneven(seed: number): number[] {
  let count = 0;
  return noise(POINTS, seed).map(value => {
    count += Math.round(100 * Math.exp(0.5 * value));
    return count;
  });
}

test('Tags whose changes go along are one group; those that merely rise too are not in it', () => {
  const files = uneven(1);
  const made = report(
    log({
      IoNm: files.map(count => 200_000 + count * 96),
      FMfn: files.map(count => 500_000 + count * 320),
      File: files.map(count => 900_000 + count * 256),
      Othr: uneven(2).map(count => 900_000 + count * 300),
    }),
    { companions: COMPANIONS },
  );
  assert.deepEqual(
    made.tags.map(({ verdict }) => verdict),
    ['leaking', 'leaking', 'leaking', 'leaking'],
  );
  assert.equal(made.groups.length, 1);
  const [group] = made.groups;
  assert.equal(group.head.tag, 'File', 'the one that the others name first');
  assert.deepEqual(group.members.map(({ tag }) => tag).sort(), ['FMfn', 'File', 'IoNm']);
  assert.match(
    group.reason,
    /go along with each other \(correlation 1\.00 and more\)\. They are known to grow together\./,
  );
});

test('Without any knowledge the head is the one whose number of allocations the others share', () => {
  const files = uneven(3);
  const rows = (count: number, hour: number) =>
    snapshot(
      [
        row('Half', 100_000 + count * 1_000, { diff: 100 + Math.round(count / 2), pool: 'paged' }),
        row('Objs', 100_000 + count * 300, { diff: 100 + count }),
        row('Name', 100_000 + count * 90, { diff: 50 + count, pool: 'paged' }),
      ],
      at(hour),
    );
  const [group] = report(files.map((count, i) => rows(count, i / 2))).groups;
  assert.equal(group.head.tag, 'Objs');
  assert.equal(group.members.length, 3);
  assert.match(group.reason, /The first one and another gained the same number of allocations\.$/);
});

test('Known companions that rise alike are a group though each has noise of its own; strangers are not', () => {
  const rising = (seed: number, each: number) =>
    noise(POINTS, seed).map((value, i) => 9_000_000 + each * (2_000 + i * 100 + Math.round(150 * value)));
  const made = report(log({ Thre: rising(11, 1_024), Proc: rising(12, 2_048), Othr: rising(13, 512) }), {
    companions: COMPANIONS,
  });
  assert.deepEqual(
    made.groups.map(({ members }) => members.map(({ tag }) => tag).sort()),
    [['Proc', 'Thre']],
  );
  assert.equal(made.groups[0].reason, 'They are known to grow together.');
});

test('Companions that grow by the same number are a group where two snapshots show no correlation', () => {
  const rows = (count: number) => [
    row('Thre', 1_000_000 + count * 1_280, { diff: 500 + count }),
    row('Proc', 1_000_000 + count * 2_560, { diff: 100 + count }),
    row('Zzzz', 1_000_000 + count * 2_560, { diff: 100 + count }),
  ];
  const { groups } = report([snapshot(rows(0), at(0)), snapshot(rows(5_000), at(1))], {
    companions: COMPANIONS,
  });
  assert.equal(groups.length, 1);
  assert.deepEqual(groups[0].members.map(({ tag }) => tag).sort(), ['Proc', 'Thre']);
});

/** One nonpaged leak of 10 MB an hour, and perhaps another, in a pool that may hold 1,000 MB. */
function filling(others: Record<string, number[]>, pool: (i: number) => number): LeakReport {
  const leak = Array.from({ length: POINTS }, (_, i) => MB * (10 + 5 * i));
  const snapshots = log({ ...quietTags(20, POINTS), Leak: leak, ...others });
  snapshots.forEach(({ memory }, i) => {
    memory.nonpagedBytes = MB * pool(i);
    memory.nonpagedLimitBytes = 1_000 * MB;
  });
  return report(snapshots);
}

test('Hours until the pool is full follow from the limit, what is used and the rate', () => {
  const [trend] = filling({}, () => 500).tags;
  assert.equal(trend.tag, 'Leak');
  assert.equal(trend.hoursToLimit, 50);
  assert.equal(trend.reasons.at(-1), 'At this rate the pool is full in 2.1 days.');
  assert.equal(trend.poolShare, 245 / 500);
});

test('Two leaks fill the pool together', () => {
  const other = Array.from({ length: POINTS }, (_, i) => MB * (10 + 15 * i));
  const { tags } = filling({ Othr: other }, () => 500);
  assert.deepEqual(
    tags.slice(0, 2).map(({ tag, hoursToLimit }) => [tag, hoursToLimit]),
    [
      ['Othr', 12.5],
      ['Leak', 12.5],
    ],
  );
});

test('The pool may grow faster than the leaks that are seen', () => {
  const [trend] = filling({}, i => 400 + i * 10).tags;
  assert.equal(trend.hoursToLimit, (1_000 - 870) / 20);
  assert.match(trend.reasons.at(-1)!, /^At the whole pool's rate/);
});

test('Without a limit no hours are guessed, nor where it is below what is in use', () => {
  const leak = Array.from({ length: POINTS }, (_, i) => MB * (10 + 5 * i));
  for (const memory of [
    {},
    { nonpagedBytes: 500 * MB },
    { nonpagedBytes: 500 * MB, nonpagedLimitBytes: 400 * MB },
  ]) {
    const snapshots = log({ Leak: leak });
    for (const one of snapshots) one.memory = memory;
    assert.equal(report(snapshots).tags[0].hoursToLimit, undefined);
  }
});

test('Memory is that of the newest snapshot that tells each fact, whatever the order they came in', () => {
  const { memory } = report([
    snapshot([], { memory: { nonpagedBytes: 3, pagedBytes: 3 }, ...at(2) }),
    snapshot([], { memory: { nonpagedBytes: 1, nonpagedLimitBytes: 9 }, ...at(0) }),
    snapshot([], { memory: { nonpagedBytes: 4 }, ...at(3) }),
  ]);
  assert.deepEqual(memory, { nonpagedBytes: 4, pagedBytes: 3, nonpagedLimitBytes: 9 });
});

test('The newest list of processes is sorted by handles', () => {
  const { processes } = report([
    snapshot([], { processes: [{ name: 'old.exe', handles: 9 }], ...at(0) }),
    snapshot([], {
      processes: [
        { name: 'few.exe', handles: 5 },
        { name: 'none.exe' },
        { name: 'many.exe', handles: 70_000 },
      ],
      ...at(1),
    }),
  ]);
  assert.deepEqual(
    processes.map(({ name }) => name),
    ['many.exe', 'few.exe', 'none.exe'],
  );
});

test('Blocks are summed up by tag; free ones hold nothing', () => {
  const block = (tag: string, sizeBytes: number, isFree = false) => {
    return {
      tag: poolTag(tag),
      pool: 'nonpaged' as const,
      address: '1',
      sizeBytes,
      isFree,
      isProtected: false,
    };
  };
  const { blocks } = report([
    snapshot([], { blocks: [block('Io  ', 16), block('Thre', 1_280), block('Io  ', 32, true)] }),
  ]);
  assert.deepEqual(blocks, [
    { tag: 'Thre', pool: 'nonpaged', count: 1, free: 0, bytes: 1_280 },
    { tag: 'Io  ', pool: 'nonpaged', count: 2, free: 1, bytes: 16 },
  ]);
});

test("Verifier's drivers are kept once each, with the newest numbers", () => {
  const driver = (more: Partial<VerifiedDriver>): VerifiedDriver => {
    return { driver: 'foo.sys', isUnloaded: false, allocations: [], ...more };
  };
  const allocations = [{ tag: poolTag('Foo1'), address: '10', sizeBytes: 32, caller: 'foo!Make+0x2c' }];
  const { verifier } = report([
    snapshot([], { verifier: [driver({ nonpagedAllocs: 1, allocations })] }),
    snapshot([], { verifier: [driver({ driver: 'FOO.SYS', nonpagedAllocs: 2 })] }),
  ]);
  assert.equal(verifier.length, 1);
  assert.deepEqual([verifier[0].nonpagedAllocs, verifier[0].allocations], [2, allocations]);
});
