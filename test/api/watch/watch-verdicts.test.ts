import assert from 'node:assert/strict';
import test from 'node:test';
import { WatchVerdicts } from '../../../api/watch/watch-verdicts.ts';
import { poolTag } from '../../../data/pool-tag.ts';
import { analysisOf, row, snapshotOf, trend } from './watch-fakes.ts';

const thre = { tag: poolTag('Thre'), pool: 'nonpaged' } as const;

/** Lets promises that are settled reach those who wait for them. */
const settled = () => new Promise(resolve => setImmediate(resolve));

test('Reports begin with the sixth snapshot, and their time decides when the next one is asked for.', async () => {
  let now = 0;
  const analysis = analysisOf([trend('Thre', 'nonpaged', 'leaking')], () => {
    now += 2_000;
  });
  let changes = 0;
  const verdicts = new WatchVerdicts(analysis, {
    elapsedMs: () => now,
    onChange: () => changes++,
    onTrouble: assert.fail,
  });
  const reportedAt: number[] = [];
  for (let i = 0; i < 30; i++) {
    const before = analysis.reports;
    verdicts.add(snapshotOf([row('Thre', 'nonpaged', i, 0, i)]));
    if (analysis.reports > before) reportedAt.push(i);
    await settled();
    assert.equal(verdicts.of(thre)?.rank, i < 5 ? undefined : 1);
    now += 5_000;
  }
  // Two seconds of work, forty of pause.
  assert.deepEqual(reportedAt, [5, 13, 21, 29]);
  assert.equal(changes, 4);
  assert.equal(verdicts.worst?.tag, 'Thre');
});

test('Without anything suspicious no tag is the worst.', async () => {
  const analysis = analysisOf([trend('Thre', 'nonpaged', 'steady')]);
  const verdicts = new WatchVerdicts(analysis, {
    elapsedMs: () => 0,
    onChange: () => {},
    onTrouble: assert.fail,
  });
  for (let i = 0; i < 6; i++) verdicts.add(snapshotOf([]));
  await settled();
  assert.equal(verdicts.worst, undefined);
  assert.equal(verdicts.of(thre)?.trend.verdict, 'steady');
});

test('While a report is being made a bounded number of snapshots is added.', () => {
  const analysis = { ...analysisOf([]), report: () => new Promise<never>(() => {}) };
  const verdicts = new WatchVerdicts(analysis, {
    elapsedMs: () => 0,
    onChange: assert.fail,
    onTrouble: assert.fail,
  });
  for (let i = 0; i < 5_000; i++) verdicts.add(snapshotOf([]));
  assert.equal(analysis.added, 206);
});

test('An analysis that fails is told once, and nothing is asked of it any more.', async () => {
  const analysis = { ...analysisOf([]), report: () => Promise.reject(new Error('no more memory')) };
  const troubles: string[] = [];
  const verdicts = new WatchVerdicts(analysis, {
    elapsedMs: () => 0,
    onChange: assert.fail,
    onTrouble: message => void troubles.push(message),
  });
  for (let i = 0; i < 10; i++) {
    verdicts.add(snapshotOf([]));
    await settled();
  }
  assert.equal(analysis.added, 6);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0], /the analysis failed \(no more memory\)\. Watching goes on/);
});
