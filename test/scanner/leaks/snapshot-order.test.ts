/** Which snapshots are compared, in which order and at which times; and the remarks where that is in doubt. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type AnalysisOptions, LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import type { LeakReport } from '../../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';
import { at, row, START_MS, snapshot } from './made-snapshots.ts';

const MINUTES_MS = 60_000;

function report(snapshots: PoolSnapshot[], options?: AnalysisOptions): LeakReport {
  const analysis = new LeakAnalysis(options);
  for (const one of snapshots) analysis.add(one);
  return analysis.report();
}

function bytesOf({ tags }: LeakReport, tag = 'Test'): (number | null)[] {
  return tags.find(trend => trend.tag === tag)!.series.bytes;
}

function remarksOf({ remarks }: LeakReport): string {
  return remarks.map(({ message }) => message).join('\n');
}

/** Ten tags whose counters have come this far. */
function counted(allocs: number, more: Partial<PoolSnapshot> = {}, prefix = 'tag'): PoolSnapshot {
  return snapshot(
    Array.from({ length: 10 }, (_, i) =>
      row(`${prefix}${i}`, 1_000 * (i + 1), {
        allocs: allocs * (i + 1),
        frees: allocs * (i + 1) - 10,
        diff: 10,
      }),
    ),
    more,
  );
}

test('Snapshots are put into the order of their times, whatever the order of the files', () => {
  const made = report(
    [2, 0, 3, 1].map(hour => snapshot([row('Test', 1_000 + hour)], { file: `${hour}.log`, ...at(hour) })),
  );
  assert.deepEqual(bytesOf(made), [1_000, 1_001, 1_002, 1_003]);
  assert.deepEqual(made.tags[0].series.snapshot, [1, 3, 0, 2], 'places in the list as they came');
  assert.equal(made.spanHours, 3);
  assert.equal(made.remarks.length, 0);
});

test('Within one file, times that run backwards are a remark with the line', () => {
  const made = report(
    [0, 2, 1].map((hour, i) => snapshot([row('Test', 1_000 + hour)], { line: 1 + 50 * i, ...at(hour) })),
  );
  assert.deepEqual(bytesOf(made), [1_000, 1_001, 1_002]);
  assert.match(remarksOf(made), /older than the one before it in the text/);
  assert.equal(made.remarks[0].line, 101);
});

test('Without times the order they came in counts, there are no rates, and the remark names the option', () => {
  const made = report([1, 2, 3, 4, 5, 6, 7].map(step => snapshot([row('Test', 1e6 * step)])));
  assert.equal(made.spanHours, undefined);
  assert.equal(made.tags[0].bytesRate, undefined);
  assert.match(
    made.tags[0].reasons[0],
    /^Grew from 977 KB to 6\.68 MB between the first and the last of 7 snapshots, in 6 of 6 steps up\.$/,
  );
  assert.match(remarksOf(made), /--every 30m/);
});

test('Given times make rates', () => {
  const made = report(
    [1, 2, 3].map(step => snapshot([row('Test', 1e6 * step)])),
    { everyMs: 30 * MINUTES_MS },
  );
  assert.equal(made.spanHours, 1);
  assert.equal(made.tags[0].bytesRate!.perHour, 2e6);
  assert.equal(made.remarks.length, 0);
});

test('The hours that given times make stand with the snapshots, and nowhere else', () => {
  const files = [1, 2, 3].map(step =>
    snapshot([row('Test', 1e6 * step)], { file: `${step}.log`, ...at(7 * step), timeFrom: 'file' }),
  );
  const untimed = [1, 2, 3].map(step => snapshot([row('Test', 1e6 * step)]));
  const hoursOf = (made: LeakReport) => made.snapshots.map(({ givenHours }) => givenHours);
  for (const snapshots of [untimed, files]) {
    assert.deepEqual(hoursOf(report(snapshots, { everyMs: 30 * MINUTES_MS })), [0, 0.5, 1]);
  }
  for (const made of [report(untimed), report(files)])
    assert.deepEqual(hoursOf(made), [undefined, undefined, undefined]);
  const timed = [0, 2].map(hour => snapshot([row('Test', 1_000 + hour)], at(hour)));
  assert.deepEqual(hoursOf(report(timed, { everyMs: 30 * MINUTES_MS })), [undefined, undefined]);
  // One report does not change what the next one says.
  const analysis = new LeakAnalysis({ everyMs: 30 * MINUTES_MS });
  for (const one of untimed) analysis.add(one);
  const before = hoursOf(analysis.report());
  assert.deepEqual(hoursOf(analysis.report()), before);
});

test('What the text tells of times comes before what is given', () => {
  const made = report(
    [0, 5, 10].map(hour => snapshot([row('Test', 1e6 + hour)], at(hour))),
    { everyMs: 30 * MINUTES_MS },
  );
  assert.equal(made.spanHours, 10);
});

test('Given times come before the dates of files, and fill in where the text tells only some', () => {
  const first = snapshot([row('Test', 1)], { takenAtMs: START_MS, timeFrom: 'file' });
  const made = report([first, snapshot([row('Test', 2)], at(3)), snapshot([row('Test', 3)])], {
    everyMs: 60 * MINUTES_MS,
  });
  assert.equal(made.spanHours, 2);
  assert.deepEqual(bytesOf(made), [1, 2, 3]);
});

test('Several snapshots of one file cannot all have its date', () => {
  const made = report(
    [1, 2, 3].map(step => snapshot([row('Test', step)], { takenAtMs: START_MS, timeFrom: 'file' })),
  );
  assert.equal(made.compared, 3);
  assert.equal(made.spanHours, undefined);
});

test('A snapshot that was given twice counts once', () => {
  const made = report([
    snapshot([row('Test', 1)], at(0)),
    snapshot([row('Test', 2)], at(1)),
    snapshot([row('Test', 1)], { file: 'copy.log', ...at(0) }),
  ]);
  assert.equal(made.compared, 2);
  assert.match(remarksOf(made), /A snapshot has the same rows and time as one before/);
  assert.equal(made.remarks[0].file, 'copy.log');
});

test('The same rows at another time are a snapshot of their own', () => {
  assert.equal(report([snapshot([row('Test', 1)], at(0)), snapshot([row('Test', 1)], at(1))]).compared, 2);
});

test('Snapshots of one moment are one: nonpaged and paged pool may come one after the other', () => {
  const made = report(
    [0, 1, 2].flatMap(hour => [
      snapshot([row('Test', 100 + hour)], at(hour)),
      snapshot([row('Pagd', 200 + hour, { pool: 'paged' })], at(hour)),
    ]),
  );
  assert.deepEqual(bytesOf(made), [100, 101, 102]);
  assert.deepEqual(bytesOf(made, 'Pagd'), [200, 201, 202]);
  assert.equal(made.remarks.length, 0);
});

test('Snapshots of one moment that disagree are a remark', () => {
  const made = report([
    snapshot([row('Test', 1)], at(0)),
    snapshot([row('Test', 2)], { line: 9, ...at(0) }),
    snapshot([row('Test', 3)], at(1)),
  ]);
  assert.deepEqual(bytesOf(made), [2, 3]);
  assert.match(remarksOf(made), /same moment have different numbers/);
});

test('After a restart only what follows it is compared, and that is said', () => {
  const made = report(
    [100, 110, 120, 5, 6, 7].map((allocs, hour) => counted(allocs, { line: 1 + hour, ...at(hour) })),
  );
  assert.equal(made.compared, 3);
  assert.equal(made.spanHours, 2);
  assert.match(
    remarksOf(made),
    /machine was restarted\. Only the snapshots after the last restart are compared: 3 of 6\./,
  );
  assert.equal(made.remarks[0].line, 4);
  assert.equal(made.tags[0].events[0].kind, 'restarted');
});

test('Where a restart leaves a single snapshot, the run before it is compared', () => {
  const made = report([100, 110, 120, 5].map((allocs, hour) => counted(allocs, at(hour))));
  assert.equal(made.compared, 3);
  assert.match(remarksOf(made), /only one snapshot after it/);
});

test('Logs of two machines are told apart by their counters', () => {
  const made = report(
    [0, 1, 2, 3].flatMap(hour => [
      counted(900 + hour, { file: 'a.log', ...at(hour) }),
      counted(5 + hour, { file: 'b.log', ...at(hour + 0.1) }),
    ]),
  );
  assert.equal(made.compared, 4);
  assert.match(remarksOf(made), /2 different machines/);
});

test('A machine with another size of memory is another machine', () => {
  const made = report([
    ...[0, 1, 2].map(hour => counted(900 + hour, { memory: { physicalBytes: 8 * 2 ** 30 }, ...at(hour) })),
    ...[3, 4].map(hour => counted(5 + hour, { memory: { physicalBytes: 32 * 2 ** 30 }, ...at(hour) })),
  ]);
  assert.equal(made.compared, 3);
  assert.match(remarksOf(made), /their memory differs in size/);
});

test('Memory that is added to a running machine makes no other machine of it', () => {
  const made = report(
    [0, 1, 2].map(hour =>
      counted(900 + hour, { memory: { physicalBytes: (8 + hour) * 2 ** 30 }, ...at(hour) }),
    ),
  );
  assert.equal(made.compared, 3);
  assert.equal(made.remarks.length, 0);
});

test("Sessions are not compared with the system's pools", () => {
  const made = report([
    ...[0, 1, 2].map(hour => counted(100 + hour, at(hour))),
    ...[0, 1, 2].map(hour => counted(100 + hour, { session: 1, ...at(hour + 0.5) })),
  ]);
  assert.equal(made.compared, 3);
  assert.match(remarksOf(made), /Only those of the system's pools are compared: 3 of 6\./);
});

test('The snapshots of one session alone are compared', () => {
  const made = report([0, 1, 2].map(hour => counted(100 + hour, { session: 2, ...at(hour) })));
  assert.equal(made.compared, 3);
  assert.equal(made.remarks.length, 0);
});

test('Listings of one pool each are of one machine', () => {
  const list = (pool: 'nonpaged' | 'paged', add: number) =>
    snapshot(
      Array.from({ length: 60 }, (_, i) => row(`t${String(i).padStart(3, '0')}`, 1_000 + i + add, { pool })),
    );
  const made = report([list('nonpaged', 0), list('paged', 0), list('nonpaged', 1), list('paged', 1)]);
  assert.equal(made.compared, 4);
  assert.doesNotMatch(remarksOf(made), /machine/);
});

test('A snapshot without rows is listed, and not compared', () => {
  const made = report([
    snapshot([], { format: 'vm', memory: { nonpagedBytes: 5 }, ...at(0) }),
    snapshot([row('Test', 1)], at(1)),
  ]);
  assert.equal(made.snapshots.length, 2);
  assert.equal(made.compared, 1);
  assert.deepEqual(made.tags[0].series.snapshot, [1]);
  assert.equal(made.memory.nonpagedBytes, 5);
});

test('Without any snapshot there is an empty report', () => {
  const made = report([]);
  assert.deepEqual([made.tags, made.compared, made.groups, made.remarks], [[], 0, [], []]);
});
