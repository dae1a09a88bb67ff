/** Constants of POOL_TYPE and POOL_FLAGS by their names, and numbers that are neither. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { poolFlagsName, poolTypeName } from '../../../scanner/code/pool/pool-words.ts';

const TYPES: [value: number, name: string | undefined, reason: string][] = [
  [0, 'NonPagedPool', 'the first'],
  [1, 'PagedPool', 'the second'],
  [4, 'NonPagedPoolCacheAligned', 'begins at a cache line'],
  [5, 'PagedPoolCacheAligned', 'begins at a cache line'],
  [512, 'NonPagedPoolNx', 'not executable'],
  [516, 'NonPagedPoolNxCacheAligned', 'not executable, at a cache line'],
  [33, 'PagedPoolSession', 'of a session'],
  [8, 'NonPagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE', 'a bit beside type 0'],
  [9, 'PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE', 'a bit beside a type'],
  [
    512 + 8 + 16,
    'NonPagedPoolNx | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE | POOL_RAISE_IF_ALLOCATION_FAILURE',
    'two bits, in the order of their values',
  ],
  [65, 'PagedPool | POOL_COLD_ALLOCATION', 'cold'],
  [1024 + 512, 'NonPagedPoolNx | POOL_ZERO_ALLOCATION', 'as ExAllocatePoolZero asks for it'],
  [3, undefined, 'DontUseThisType'],
  [7, undefined, 'the end of the first types'],
  [128, undefined, 'an unknown bit'],
  [0x65726854, undefined, 'a tag in the wrong place'],
  [0xffffffff, undefined, 'every bit'],
  [2 ** 32, undefined, 'more than 32 bits'],
  [-1, undefined, 'negative'],
  [0.5, undefined, 'no integer'],
  [Number.NaN, undefined, 'no number'],
];
for (const [value, name, reason] of TYPES) {
  test(`POOL_TYPE ${value} is ${name}: ${reason}`, () => assert.equal(poolTypeName(value), name));
}

const FLAGS: [value: number, name: string | undefined, reason: string][] = [
  [0x40, 'POOL_FLAG_NON_PAGED', 'one pool'],
  [0x80, 'POOL_FLAG_NON_PAGED_EXECUTE', 'another'],
  [0x100, 'POOL_FLAG_PAGED', 'a third'],
  [0x42, 'POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED', 'the pool comes first'],
  [0x101, 'POOL_FLAG_PAGED | POOL_FLAG_USE_QUOTA', 'with quota'],
  [
    0x6c,
    'POOL_FLAG_NON_PAGED | POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_RAISE_ON_FAILURE',
    'many',
  ],
  [0, undefined, 'no pool'],
  [0x02, undefined, 'a flag without a pool'],
  [0x10, undefined, 'an unknown bit alone'],
  [0x50, undefined, 'an unknown bit beside a pool'],
  [0x200, undefined, 'a POOL_TYPE where flags belong'],
  [0x65726854, undefined, 'a tag in the wrong place'],
  [2 ** 32 + 0x40, 'POOL_FLAG_NON_PAGED', 'optional flags stand in the upper half and name no pool'],
];
for (const [value, name, reason] of FLAGS) {
  test(`POOL_FLAGS ${value} are ${name}: ${reason}`, () => assert.equal(poolFlagsName(value), name));
}

test('Whatever the number, there is a name of known words or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.double(), fc.maxSafeInteger(), fc.nat(0x7ff)), value => {
      for (const name of [poolTypeName(value), poolFlagsName(value)]) {
        if (name !== undefined)
          assert.match(name, /^\w*Paged\w*( \| POOL_\w+)*$|^POOL_FLAG_\w+( \| POOL_FLAG_\w+)*$/);
      }
    }),
  );
});
