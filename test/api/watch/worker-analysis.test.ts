import assert from 'node:assert/strict';
import test from 'node:test';
import { WorkerAnalysis } from '../../../api/watch/worker-analysis.ts';
import { BEGIN, row, snapshotOf } from './watch-fakes.ts';

test('A leak that is watched every minute for two hours is found by the thread, and points of charts stay there.', async () => {
  const analysis = new WorkerAnalysis();
  try {
    for (let minute = 0; minute <= 120; minute++) {
      const noise = ((minute * 7919) % 13) * 16;
      analysis.add(
        snapshotOf(
          [
            row('Leak', 'nonpaged', 1_000 + minute * 50, 900, (100 + minute * 50) * 256),
            row('Calm', 'paged', 5_000 + minute * 3, 4_000 + minute * 3, 64_000 + noise),
          ],
          BEGIN + minute * 60_000,
        ),
      );
    }
    const tags = await analysis.report();
    assert.deepEqual(
      tags.map(({ tag, verdict }) => [tag, verdict]),
      [
        ['Leak', 'leaking'],
        ['Calm', 'steady'],
      ],
    );
    assert.deepEqual(tags[0].series, { snapshot: [], bytes: [], diff: [] });
  } finally {
    await analysis.close();
  }
});

test('A thread that fails rejects the report, and later ones; snapshots are taken without a word.', async () => {
  const broken = new URL('data:text/javascript,throw new RangeError("out of memory")');
  const analysis = new WorkerAnalysis(broken);
  await assert.rejects(analysis.report(), /out of memory/);
  analysis.add(snapshotOf([]));
  analysis.add(snapshotOf([]));
  await assert.rejects(analysis.report(), /out of memory/);
  await analysis.close();
});
