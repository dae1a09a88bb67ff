import assert from 'node:assert/strict';
import test from 'node:test';
import {
  decodePerformanceInformation,
  emptyPerformanceInformation,
} from '../../../scanner/live/performance-information.ts';
import type { PointerBytes } from '../../../scanner/live/pool-tag-records.ts';

/** The structure with these ten SIZE_T. */
function information(pointerBytes: PointerBytes, numbers: readonly (number | bigint)[]): Uint8Array {
  const bytes = emptyPerformanceInformation(pointerBytes);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    const offset = pointerBytes * (i + 1);
    if (pointerBytes === 8) view.setBigUint64(offset, BigInt(number), true);
    else view.setUint32(offset, Number(number), true);
  });
  return bytes;
}

const PAGES = [1000, 2000, 1500, 8000, 3000, 700, 900, 500, 400, 4096];
const FACTS = {
  physicalBytes: 8000 * 4096,
  availableBytes: 3000 * 4096,
  commitBytes: 1000 * 4096,
  commitLimitBytes: 2000 * 4096,
  commitPeakBytes: 1500 * 4096,
  nonpagedBytes: 400 * 4096,
  pagedBytes: 500 * 4096,
};

for (const pointerBytes of [4, 8] as const) {
  test(`Pages become bytes, with pointers of ${pointerBytes} bytes.`, () => {
    assert.deepEqual(decodePerformanceInformation(information(pointerBytes, PAGES), pointerBytes), FACTS);
  });
}

test('The structure names its own size, as GetPerformanceInfo wants it.', () => {
  assert.deepEqual([...emptyPerformanceInformation(8).subarray(0, 4)], [104, 0, 0, 0]);
  assert.deepEqual([...emptyPerformanceInformation(4).subarray(0, 4)], [56, 0, 0, 0]);
});

// structure, facts, reason
const ODD: [Uint8Array, object, string][] = [
  [information(8, []), {}, 'nothing was filled in'],
  [information(8, [...PAGES.slice(0, 9), 1 << 20]), {}, 'pages of a megabyte'],
  [new Uint8Array(103), {}, 'a byte is missing'],
  [
    information(8, [0xffff_ffff_ffff_ffffn, ...PAGES.slice(1)]),
    Object.fromEntries(Object.entries(FACTS).filter(([name]) => name !== 'commitBytes')),
    'a number beyond 2^53 is left out',
  ],
  [
    information(8, [...PAGES.slice(0, 7), 0, 0, 4096]),
    Object.fromEntries(Object.entries(FACTS).filter(([name]) => !/^(non)?paged/.test(name))),
    'pools of no bytes, as Wine has them, are not known',
  ],
];
for (const [bytes, facts, reason] of ODD) {
  test(`Memory that cannot be true is not told: ${reason}.`, () => {
    assert.deepEqual(decodePerformanceInformation(bytes, 8), facts);
  });
}
