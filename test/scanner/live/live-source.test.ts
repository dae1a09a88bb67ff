import assert from 'node:assert/strict';
import test from 'node:test';
import { liveSource, type SystemCalls } from '../../../scanner/live/live-source.ts';
import { poolTagBuffer } from './pool-tag-buffers.ts';

const MISMATCH = 0xc000_0004;
const NOW = Date.UTC(2026, 10, 29, 10);

/** Calls that answer as Windows does: with a mismatch and the size until the buffer is large enough. */
function callsOf(answer: Uint8Array, { tellsSize = true } = {}): SystemCalls & { sizes: number[] } {
  const sizes: number[] = [];
  return {
    sizes,
    pointerBytes: 8,
    queryPoolTags(buffer) {
      sizes.push(buffer.length);
      const returnedBytes = tellsSize ? answer.length : 0;
      if (buffer.length < answer.length) return { status: MISMATCH, returnedBytes };
      buffer.set(answer);
      return { status: 0, returnedBytes };
    },
    readPerformance: () => false,
  };
}

/** Calls that always give this status. */
function failing(status: number): SystemCalls {
  return { ...callsOf(new Uint8Array(0)), queryPoolTags: () => ({ status, returnedBytes: 0 }) };
}

function manyTags(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    tag: String.fromCharCode(65 + (i % 26), 65 + ((i / 26) % 26), 65 + ((i / 676) % 26), 48 + i / 17576),
    nonpaged: [i + 1, i, 64] as [number, number, number],
  }));
}

test('A snapshot bears the time it was given, its rows, and no memory where Windows refused that.', () => {
  const outcome = liveSource(callsOf(poolTagBuffer([{ tag: 'Thre', nonpaged: [5, 2, 96] }], 8))).read(NOW);
  assert.deepEqual(outcome, {
    status: 'read',
    remarks: [],
    snapshot: {
      format: 'pooltag-json',
      file: undefined,
      line: 1,
      takenAtMs: NOW,
      timeFrom: 'given',
      rows: [{ tag: 'Thre', pool: 'nonpaged', allocs: 5, frees: 2, bytes: 96, diff: 3 }],
      memory: {},
      processes: [],
      blocks: [],
      verifier: [],
    },
  });
});

test('The buffer grows to what is wanted, and is kept for the next time.', () => {
  const calls = callsOf(poolTagBuffer(manyTags(10_000), 8));
  const source = liveSource(calls);
  for (let i = 0; i < 2; i++) {
    const outcome = source.read(NOW);
    assert.ok(outcome.status === 'read');
    assert.equal(outcome.snapshot.rows.length, 10_000);
  }
  assert.equal(calls.sizes.length, 3, 'one try too small, then one for each read');
});

test('Where the size is not told the buffer doubles, and only its filled part is read.', () => {
  const calls = callsOf(poolTagBuffer(manyTags(20_000), 8), { tellsSize: false });
  const outcome = liveSource(calls).read(NOW);
  assert.ok(outcome.status === 'read');
  assert.equal(outcome.snapshot.rows.length, 20_000);
  assert.deepEqual(
    calls.sizes,
    [256, 512, 1024].map(kilobytes => kilobytes * 1024),
  );
});

test('What is left in the buffer from a longer answer is not read again.', () => {
  let answer = poolTagBuffer(manyTags(100), 8);
  const source = liveSource({ ...callsOf(answer), queryPoolTags: buffer => fill(buffer) });
  function fill(buffer: Uint8Array) {
    buffer.set(answer);
    return { status: 0, returnedBytes: answer.length };
  }
  source.read(NOW);
  answer = poolTagBuffer(manyTags(3), 8, 100);
  const outcome = source.read(NOW);
  assert.ok(outcome.status === 'read');
  assert.equal(outcome.snapshot.rows.length, 3);
  assert.match(outcome.remarks.join(), /announced 100 pool tags, but its answer holds 3/);
});

test('A system that always wants more is refused after a bounded number of tries and bytes.', () => {
  let tries = 0;
  let largest = 0;
  const outcome = liveSource({
    ...failing(MISMATCH),
    queryPoolTags(buffer) {
      tries++;
      largest = Math.max(largest, buffer.length);
      return { status: MISMATCH, returnedBytes: 0xffff_ffff };
    },
  }).read(NOW);
  assert.ok(outcome.status === 'refused');
  assert.equal(outcome.reason.code, 'too-large');
  assert.ok(tries <= 12 && largest <= 64 * 1024 * 1024, `${tries} tries, ${largest} bytes`);
});

// status, code, what the sentence has
const REFUSED: [number, string, RegExp][] = [
  [0xc000_0003, 'no-answer', /answers 0xC0000003.*Wine.*on Windows itself\.$/],
  [0xc000_0002, 'tagging-off', /tagging is off.*gflags \/r \+ptg/],
  [0xc000_0022, 'access-denied', /does not let this process.*0xC0000022/],
  [0xc000_0061, 'access-denied', /0xC0000061/],
  [0xc000_009a, 'failed', /0xC000009A.*report it with that number\.$/],
  [0x8000_0005, 'failed', /0x80000005/],
];
for (const [status, code, message] of REFUSED) {
  test(`0x${status.toString(16)} is ${code}, in words.`, () => {
    const outcome = liveSource(failing(status)).read(NOW);
    assert.ok(outcome.status === 'refused');
    assert.equal(outcome.reason.code, code);
    assert.match(outcome.reason.message, message);
  });
}
