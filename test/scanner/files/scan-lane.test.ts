/** A worker that a file kills costs that file alone. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type LaneResult, ScanLane } from '../../../scanner/files/scan-lane.ts';

/** A worker that does what its file is named after. */
const FAULTY_WORKER = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    let flag;
    parentPort.on('message', ({ kind, file, stop, job }) => {
      if (kind === 'settings') {
        flag = new Int32Array(stop);
        return;
      }
      const { path } = file;
      if (path === 'waits.sys') return;
      parentPort.postMessage({ kind: 'read', sizeBytes: 1000000 });
      if (path === 'twice.sys') parentPort.postMessage({ kind: 'read', sizeBytes: 1000000 });
      if (path === 'rests.sys') for (const end = performance.now() + 450; performance.now() < end; );
      if (path === 'searches.sys') while (Atomics.load(flag, 0) !== job);
      if (path === 'hangs.sys') for (;;);
      if (path === 'eats.sys') for (const eaten = []; ; ) eaten.push(new Array(100000).fill(path));
      if (path === 'throws.sys') throw new Error('a fault');
      if (path === 'exits.sys') process.exit(3);
      if (path.startsWith('parts')) {
        parentPort.postMessage({ kind: 'sightings', sightingsJson: '["first", "second"]' });
        if (path === 'parts-die.sys') process.exit(4);
        parentPort.postMessage({ kind: 'done', outcomeJson: '{"status":"scanned","sightings":["last"]}', elapsedMs: 1 });
        return;
      }
      const outcomeJson = JSON.stringify({ status: 'scanned', path });
      parentPort.postMessage({ kind: 'done', outcomeJson, elapsedMs: 1 });
    });
  `)}`,
);
const LIMITS = { readMs: 10_000, baseMs: 2000, msPerMb: 100, heapMb: 32 };
const NO_CACHE = { cacheFolder: null, symbolFolders: [] };

async function scanned(lane: ScanLane, path: string): Promise<LaneResult['outcome']> {
  return (await lane.scan({ path, isNamed: true })).outcome;
}

const losses: [path: string, words: RegExp][] = [
  ['hangs.sys', /took longer than 0\.1 s/],
  ['waits.sys', /could not be read within 2 s/],
  ['eats.sys', /more than 32 MB of memory/],
  ['throws.sys', /a fault/],
  ['exits.sys', /ended with code 3/],
];
/** Only the limit that a file is to run into is short: the start of a worker counts as reading. */
const SHORTER: Record<string, object> = {
  'hangs.sys': { baseMs: 50, msPerMb: 50 },
  'waits.sys': { readMs: 2000 },
};
for (const [path, words] of losses) {
  test(`A file that ${path.slice(0, -4)} is refused, and the next is scanned by a new worker`, async t => {
    const limits = { ...LIMITS, ...SHORTER[path] };
    const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits });
    t.after(() => lane.close());
    assert.deepEqual(await scanned(lane, 'good.sys'), { status: 'scanned', path: 'good.sys' });
    const lost = await scanned(lane, path);
    assert.ok(lost.status === 'refused');
    assert.equal(lost.fileName, path);
    assert.equal(lost.reason.code, 'scan-failed');
    assert.match(lost.reason.message, words);
    assert.deepEqual(await scanned(lane, 'next.sys'), { status: 'scanned', path: 'next.sys' });
  });
}

test('An outcome that comes in parts is whole, and no part of a lost one stays', async t => {
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits: LIMITS });
  t.after(() => lane.close());
  const paths = ['parts.sys', 'parts-die.sys', 'parts.sys', 'good.sys'];
  const outcomes = await Promise.all(paths.map(path => scanned(lane, path)));
  const whole = { status: 'scanned', sightings: ['first', 'second', 'last'] };
  assert.equal(outcomes[1].status, 'refused');
  assert.deepEqual(
    [outcomes[0], outcomes[2], outcomes[3]],
    [whole, whole, { status: 'scanned', path: 'good.sys' }],
  );
});

test('A search whose time is over is asked for what it has, and the next one is not', async t => {
  const limits = { ...LIMITS, baseMs: 150, msPerMb: 50 };
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits });
  t.after(() => lane.close());
  const paths = ['good.sys', 'searches.sys', 'good.sys', 'searches.sys', 'hangs.sys', 'searches.sys'];
  const outcomes = await Promise.all(paths.map(path => scanned(lane, path)));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['scanned', 'scanned', 'scanned', 'scanned', 'refused', 'scanned'],
  );
});

test('A worker that cannot even be loaded refuses each file with the reason', async t => {
  const lane = new ScanLane(NO_CACHE, { workerUrl: new URL('data:text/javascript,import "./nowhere.js"') });
  lane.start();
  t.after(() => lane.close());
  const outcome = await scanned(lane, 'a.sys');
  assert.ok(outcome.status === 'refused');
  assert.equal(outcome.reason.code, 'scan-failed');
});

test('Closing ends a worker in the middle of a file', async () => {
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits: { ...LIMITS, baseMs: 60_000 } });
  const hanging = scanned(lane, 'hangs.sys');
  await lane.close();
  assert.equal((await hanging).status, 'refused');
});

test('A file that waits behind one which kills the worker is scanned by the next worker', async t => {
  const limits = { ...LIMITS, baseMs: 50, msPerMb: 50 };
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits });
  t.after(() => lane.close());
  const paths = ['good.sys', 'hangs.sys', 'throws.sys', 'exits.sys', 'next.sys'];
  const all = Promise.all(paths.map(path => scanned(lane, path)));
  assert.equal(lane.pending, 5);
  const outcomes = await all;
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['scanned', 'refused', 'refused', 'refused', 'scanned'],
  );
  assert.match(JSON.stringify(outcomes[1]), /hangs\.sys.*took longer/);
  assert.match(JSON.stringify(outcomes[2]), /throws\.sys.*a fault/);
  assert.match(JSON.stringify(outcomes[3]), /exits\.sys.*ended with code 3/);
  assert.equal(lane.pending, 0);
});

test('Closing gives up what waits, too', async () => {
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits: { ...LIMITS, baseMs: 60_000 } });
  const both = Promise.all([scanned(lane, 'hangs.sys'), scanned(lane, 'good.sys')]);
  await lane.close();
  assert.deepEqual(
    (await both).map(({ status }) => status),
    ['refused', 'refused'],
  );
});

test('The limit of a file that is read twice, as for an explanation, does not outlive it', async t => {
  const limits = { ...LIMITS, baseMs: 500, msPerMb: 100 };
  const lane = new ScanLane(NO_CACHE, { workerUrl: FAULTY_WORKER, limits });
  t.after(() => lane.close());
  assert.equal((await scanned(lane, 'twice.sys')).status, 'scanned');
  const working = await Promise.all(
    ['rests.sys', 'rests.sys', 'rests.sys', 'rests.sys'].map(path => scanned(lane, path)),
  );
  assert.deepEqual(
    working.map(({ status }) => status),
    ['scanned', 'scanned', 'scanned', 'scanned'],
  );
});
