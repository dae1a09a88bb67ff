import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodePoolTags, type PointerBytes } from '../../../scanner/live/pool-tag-records.ts';
import { type PoolCounts, poolTagBuffer } from './pool-tag-buffers.ts';

/** Bytes in hex, blanks and line ends left out. */
function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/gi)!.map(pair => Number.parseInt(pair, 16)));
}

test('A buffer of x64 as bytes: the count is padded to 8, records have 40 bytes.', () => {
  const bytes = hex(`
    02 00 00 00  cd cd cd cd
    54 68 72 65  00 00 00 00  00 00 00 00  cd cd cd cd  00 00 00 00 00 00 00 00
                 10 00 00 00  04 00 00 00  00 40 00 00 00 00 00 00
    4e 74 46 42  9c 0f 00 00  92 0f 00 00  cd cd cd cd  b4 d8 03 00 01 00 00 00
                 00 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00`);
  assert.deepEqual(decodePoolTags(bytes, 8), {
    rows: [
      { tag: 'Thre', pool: 'nonpaged', allocs: 16, frees: 4, bytes: 16384, diff: 12 },
      { tag: 'NtFB', pool: 'paged', allocs: 3996, frees: 3986, bytes: 0x1_0003_d8b4, diff: 10 },
    ],
    remarks: [],
  });
});

test('A buffer of x86 as bytes: the count is not padded, records have 28 bytes.', () => {
  const bytes = hex(`
    01 00 00 00
    44 68 20 31  18 00 00 00  18 00 00 00  00 00 00 00  03 00 00 00  01 00 00 00  d0 02 00 00`);
  assert.deepEqual(decodePoolTags(bytes, 4), {
    rows: [
      { tag: 'Dh 1', pool: 'nonpaged', allocs: 3, frees: 1, bytes: 720, diff: 2 },
      { tag: 'Dh 1', pool: 'paged', allocs: 24, frees: 24, bytes: 0, diff: 0 },
    ],
    remarks: [],
  });
});

// allocations, frees, bytes, what is in use, reason
const IN_USE: [number, number, number | bigint, number, string][] = [
  [3, 0xffff_fffe, 160, 5, 'allocations have wrapped around, frees have not yet'],
  [10, 12, 0, 0, 'the kernel read the frees a moment later'],
  [10, 12, 4096, 0, 'the same with bytes, which are far too few for four billion allocations'],
  [
    0x9000_0000,
    0,
    0x9_0000_0000n,
    0x9000_0000,
    'two billion small allocations are possible on a large server',
  ],
  [0, 7, 0, 0, 'what was allocated under the name of another tag'],
];
for (const [allocs, frees, bytes, diff, reason] of IN_USE) {
  test(`${allocs} allocations and ${frees} frees leave ${diff} in use: ${reason}.`, () => {
    const { rows } = decodePoolTags(poolTagBuffer([{ tag: 'Test', paged: [allocs, frees, bytes] }], 8), 8);
    assert.deepEqual(rows, [{ tag: 'Test', pool: 'paged', allocs, frees, bytes: Number(bytes), diff }]);
  });
}

test('Odd bytes of a tag stay as they are, and a pool that was never used has no row.', () => {
  const tags = ['\0\0\0\0', '\x1b[2J', '\xff\xfe\x80\x7f', '    ', '<b>"'];
  const buffer = poolTagBuffer(
    tags.map((tag): { tag: string; nonpaged: PoolCounts } => ({ tag, nonpaged: [1, 0, 16] })),
    8,
  );
  const { rows } = decodePoolTags(buffer, 8);
  assert.deepEqual(
    rows.map(({ tag, pool }) => [tag, pool]),
    tags.map(tag => [tag, 'nonpaged']),
  );
});

test('A tag that comes twice is one row with the sum.', () => {
  const buffer = poolTagBuffer(
    [
      { tag: 'Twic', paged: [5, 2, 300], nonpaged: [1, 0, 8] },
      { tag: 'Twic', paged: [0xffff_ffff, 1, 100] },
    ],
    4,
  );
  assert.deepEqual(decodePoolTags(buffer, 4).rows, [
    { tag: 'Twic', pool: 'nonpaged', allocs: 1, frees: 0, bytes: 8, diff: 1 },
    { tag: 'Twic', pool: 'paged', allocs: 4, frees: 3, bytes: 400, diff: 1 },
  ]);
});

test('Bytes beyond 2^53 are left out with a remark; the rest of the row stays.', () => {
  const buffer = poolTagBuffer([{ tag: '\x1bBig', nonpaged: [9, 3, 0xffff_ffff_ffff_ffffn] }], 8);
  const { rows, remarks } = decodePoolTags(buffer, 8);
  assert.deepEqual(rows, [{ tag: '\x1bBig', pool: 'nonpaged', allocs: 9, frees: 3, diff: 6 }]);
  assert.match(remarks.join(), /more than 2\^53.*0x1b426967/);
});

const one = { tag: 'Test', nonpaged: [2, 1, 64] as PoolCounts };
// bytes of a pointer, buffer, rows that are read, what is remarked, reason
const HOSTILE: [PointerBytes, Uint8Array, number, RegExp, string][] = [
  [8, new Uint8Array(0), 0, /0 bytes, which is too short/, 'nothing at all'],
  [8, new Uint8Array(7), 0, /7 bytes/, 'not even the count of x64'],
  [4, new Uint8Array(3), 0, /3 bytes/, 'not even the count of x86'],
  [8, poolTagBuffer([], 8), 0, /^$/, 'no tags'],
  [8, poolTagBuffer([one], 8, 0), 0, /^$/, 'a count of zero before a record'],
  [
    8,
    poolTagBuffer([one], 8, 2),
    1,
    /announced 2 pool tags, but its answer holds 1/,
    'one more than there is',
  ],
  [8, poolTagBuffer([one], 8, 0xffff_ffff), 1, /announced 4294967295/, 'the largest count'],
  [4, poolTagBuffer([one], 4, 0xffff_ffff), 1, /announced 4294967295/, 'the largest count on x86'],
  [8, poolTagBuffer([one, one], 8).subarray(0, 87), 1, /holds 1/, 'the last record lacks a byte'],
  [8, poolTagBuffer([one], 8).subarray(0, 9), 0, /holds 0/, 'one byte of a record'],
];
for (const [pointerBytes, buffer, count, remark, reason] of HOSTILE) {
  test(`A buffer of ${buffer.length} bytes gives ${count} rows: ${reason}.`, () => {
    const { rows, remarks } = decodePoolTags(buffer, pointerBytes);
    assert.equal(rows.length, count);
    assert.match(remarks.join('\n'), remark);
  });
}

test('A view into a larger buffer is not left.', () => {
  const whole = new Uint8Array(200).fill(0x41);
  const part = whole.subarray(40, 100);
  part.set(poolTagBuffer([one], 8, 3));
  assert.equal(decodePoolTags(part, 8).rows.length, 1);
});

test('Whatever is decoded again from a made buffer is what was put in.', () => {
  const counter = fc.nat({ max: 0x7fff_ffff });
  const size = fc.nat({ max: 0xffff_ffff });
  const counts = fc.tuple(counter, counter, size);
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.record({
          tag: fc.integer({ min: 0, max: 0xffff_ffff }),
          paged: counts,
          nonpaged: counts,
        }),
        { selector: ({ tag }) => tag, maxLength: 50 },
      ),
      fc.constantFrom<PointerBytes[]>(4, 8),
      (records, pointerBytes) => {
        const tags = records.map(({ tag, ...pools }) => ({
          ...pools,
          tag: String.fromCharCode(...[24, 16, 8, 0].map(bit => (tag >>> bit) & 0xff)),
        }));
        const { rows, remarks } = decodePoolTags(poolTagBuffer(tags, pointerBytes), pointerBytes);
        const expected = tags.flatMap(({ tag, paged, nonpaged }) => [
          [tag, 'nonpaged', ...nonpaged],
          [tag, 'paged', ...paged],
        ]);
        assert.deepEqual(
          rows.map(({ tag, pool, allocs, frees, bytes }) => [tag, pool, allocs, frees, bytes]),
          expected.filter(([, , ...numbers]) => numbers.some(number => number !== 0)),
        );
        assert.deepEqual(remarks, []);
      },
    ),
  );
});

test('Any bytes give rows and remarks, and nothing is thrown.', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom<PointerBytes[]>(4, 8),
      (bytes, pointerBytes) => {
        const { rows } = decodePoolTags(bytes, pointerBytes);
        for (const { tag, diff, bytes: used = 0 } of rows) {
          assert.equal(tag.length, 4);
          assert.ok(Number.isInteger(diff) && diff! >= 0 && Number.isSafeInteger(used));
        }
      },
    ),
  );
});
