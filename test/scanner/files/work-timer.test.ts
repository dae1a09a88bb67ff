import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WorkTimer } from '../../../scanner/files/work-timer.ts';

/** Uses the processor, a turn of the event loop at a time, until the timer rings; returns the time used. */
async function workUntil(isDone: () => boolean): Promise<number> {
  const before = process.cpuUsage();
  while (!isDone()) {
    const end = performance.now() + 5;
    while (performance.now() < end);
    await delay(0);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('A thread that works is stopped when it has worked for as long', async () => {
  let isDone = false;
  new WorkTimer(200, () => {
    isDone = true;
  });
  const usedMs = await workUntil(() => isDone);
  assert.ok(usedMs >= 190 && usedMs < 1_000, `${usedMs} ms`);
});

test('A process that gets no processor is waited for, ten times as long at most', async () => {
  const startedMs = performance.now();
  let rangMs = 0;
  new WorkTimer(200, () => {
    rangMs = performance.now() - startedMs;
  });
  // The process sleeps meanwhile, as far as the test runner lets it.
  await delay(260);
  assert.equal(rangMs, 0, 'it has not worked for 200 ms yet');
  while (rangMs === 0) await delay(20);
  assert.ok(rangMs >= 260 && rangMs < 20_000, `${rangMs} ms`);
});

test('A stopped timer does not ring', async () => {
  const timer = new WorkTimer(10, () => assert.fail('rang'));
  timer.stop();
  timer.stop();
  let turns = 0;
  await workUntil(() => ++turns > 10);
});
