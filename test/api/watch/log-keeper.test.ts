import assert from 'node:assert/strict';
import test from 'node:test';
import { LogKeeper } from '../../../api/watch/log-keeper.ts';
import { BEGIN, row, snapshotOf } from './watch-fakes.ts';

/** A log whose writes end when the test says so. */
class FakeLog {
  readonly times: string[] = [];
  readonly open: { resolve(remarks: string[]): void; reject(error: Error): void }[] = [];
  append(line: string): Promise<string[]> {
    this.times.push(JSON.parse(line).takenAt.slice(11, 19));
    return new Promise((resolve, reject) => this.open.push({ resolve, reject }));
  }
}

function keeperOf(everyMs: number) {
  const log = new FakeLog();
  const troubles: string[] = [];
  const keeper = new LogKeeper({
    log,
    everyMs,
    computer: 'HOST',
    onTrouble: message => void troubles.push(message),
  });
  const take = (seconds: number) =>
    keeper.take(snapshotOf([row('Thre', 'nonpaged', 2, 1, 16)], BEGIN + seconds * 1000));
  /** Ends the write that goes on, and lets the keeper hear of it. */
  const end = async (remarks: string[] | Error = []) => {
    const write = log.open.pop()!;
    if (remarks instanceof Error) write.reject(remarks);
    else write.resolve(remarks);
    await new Promise(resolve => setImmediate(resolve));
  };
  return { log, troubles, keeper, take, end };
}

test('The first snapshot is written, then one in each interval, also where readings come a little early.', async () => {
  const { log, take, end, troubles } = keeperOf(60_000);
  for (let seconds = 0; seconds <= 185; seconds += 4.99) {
    take(seconds);
    if (log.open.length > 0) await end();
  }
  assert.deepEqual(log.times, ['10:00:00', '10:00:59', '10:01:59', '10:02:59']);
  assert.deepEqual(troubles, []);
});

test('At the end the newest snapshot is written, once, after the one that is on its way.', async () => {
  const { log, take, end, keeper } = keeperOf(60_000);
  take(0);
  take(5);
  take(10);
  const finished = keeper.finish();
  assert.deepEqual(log.times, ['10:00:00']);
  await end();
  assert.deepEqual(log.times, ['10:00:00', '10:00:10']);
  await end();
  await finished;
  await keeper.finish();
  assert.equal(log.times.length, 2);
});

test('A disk that does not answer leaves snapshots out, is told once, and no memory is filled.', async () => {
  const { log, take, end, troubles } = keeperOf(5_000);
  for (let seconds = 0; seconds < 500; seconds += 5) take(seconds);
  assert.deepEqual(log.times, ['10:00:00']);
  assert.deepEqual(troubles, [
    'The disk has not yet taken the last snapshot of the log; this one is left out.',
  ]);
  await end();
  take(500);
  assert.equal(log.times.length, 2);
});

test('The same trouble is told once however its numbers differ; a recovery is told, and the next trouble again.', async () => {
  const { take, end, troubles } = keeperOf(5_000);
  const full = (free: number) => new Error(`ENOSPC: ${free} bytes free`);
  take(0);
  await end(full(12));
  take(5);
  await end(full(7));
  take(10);
  await end();
  take(15);
  await end(full(3));
  take(20);
  await end(['Somebody wrote 1,234 bytes.']);
  take(25);
  await end(['Somebody wrote 99 bytes.']);
  assert.deepEqual(troubles, [
    'A snapshot could not be written to the log (ENOSPC: 12 bytes free). Watching goes on.',
    'The log is written again.',
    'A snapshot could not be written to the log (ENOSPC: 3 bytes free). Watching goes on.',
    'The log is written again.',
    'Somebody wrote 1,234 bytes.',
  ]);
});

test('A clock that is put back does not stop the log.', async () => {
  const { log, take, end } = keeperOf(60_000);
  take(3600);
  await end();
  take(0);
  await end();
  take(30);
  take(60);
  await end();
  assert.deepEqual(log.times, ['11:00:00', '10:00:00', '10:01:00']);
});
