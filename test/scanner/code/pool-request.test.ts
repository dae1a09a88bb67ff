/** From which pool and how many bytes: where the arguments stand on each processor, and what is believed of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { POOL_FUNCTIONS } from '../../../scanner/code/pool/pool-functions.ts';
import { type PoolRequest, poolRequest } from '../../../scanner/code/pool/pool-request.ts';
import { type Place, placeKey } from '../../../scanner/code/processors/places.ts';
import { PROCESSORS } from '../../../scanner/code/processors/processor.ts';
import { scanDriver } from '../../../scanner/scan-driver.ts';

/** Registers as the analysis counts them: rcx 1, rdx 2, r8 8; x0 to x3. */

// function, processor, constants by place (r: register, s: bytes above the stack pointer), request, reason
const CALLS: [string, keyof typeof PROCESSORS, Record<string, number>, PoolRequest, string][] = [
  ['ExAllocatePoolWithTag', 'x64', { r1: 1, r2: 64 }, { pool: 'PagedPool', sizeBytes: 64 }, 'both'],
  ['ExAllocatePoolWithTag', 'x86', { s0: 1, s4: 64 }, { pool: 'PagedPool', sizeBytes: 64 }, 'both'],
  ['ExAllocatePoolWithTag', 'arm64', { r0: 1, r1: 64 }, { pool: 'PagedPool', sizeBytes: 64 }, 'both'],
  ['ExAllocatePoolWithTag', 'x64', { r1: 512 }, { pool: 'NonPagedPoolNx' }, 'a size that is computed'],
  ['ExAllocatePoolWithTag', 'x64', { r2: 4096 }, { sizeBytes: 4096 }, 'a pool that is handed in'],
  ['ExAllocatePoolWithTag', 'x64', {}, {}, 'nothing constant'],
  [
    'ExAllocatePoolWithTag',
    'x64',
    { r1: 0x65726854, r2: 0 },
    {},
    'no pool has this number, and no bytes are none',
  ],
  [
    'ExAllocatePoolWithTag',
    'x64',
    { r2: 0x1000_0000 },
    { sizeBytes: 0x1000_0000 },
    'the most that is believed',
  ],
  ['ExAllocatePoolWithTag', 'x64', { r2: 0x1000_0001 }, {}, 'more than any driver asks for'],
  ['ExAllocatePoolWithTag', 'x64', { r2: -8 }, {}, 'a negative number'],
  [
    'ExAllocatePool2',
    'x64',
    { r1: 0x42, r2: 24 },
    { pool: 'POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED', sizeBytes: 24 },
    'flags',
  ],
  [
    'ExAllocatePool2',
    'x86',
    { s0: 0x100, s4: 0, s8: 24 },
    { pool: 'POOL_FLAG_PAGED', sizeBytes: 24 },
    '64-bit flags take two words',
  ],
  ['ExAllocatePool2', 'x64', { r1: 1 }, {}, 'a POOL_TYPE where flags belong'],
  [
    'FltAllocatePoolAlignedWithTag',
    'x64',
    { r2: 1, r8: 96 },
    { pool: 'PagedPool', sizeBytes: 96 },
    'the instance comes first',
  ],
  ['ExInitializeNPagedLookasideList', 'x64', { s32: 136 }, { sizeBytes: 136 }, 'the fifth argument'],
  ['ExInitializeNPagedLookasideList', 'x86', { s16: 136 }, { sizeBytes: 136 }, 'the fifth argument'],
  ['ExInitializeNPagedLookasideList', 'arm64', { r4: 136 }, { sizeBytes: 136 }, 'the fifth argument'],
];
for (const [name, processor, constants, expected, reason] of CALLS) {
  test(`${name} on ${processor}: ${reason}`, () => {
    const { request } = POOL_FUNCTIONS.get(name)!;
    const constantAt = (place: Place) => constants[placeKey(place)];
    assert.deepEqual(poolRequest(request!, PROCESSORS[processor], constantAt), expected);
  });
}

/** `NoA1 NonPagedPool -`: tag, pool, bytes. */
const IN_THE_SOURCE = [
  'NoA1 NonPagedPool -',
  'NoA2 PagedPool -',
  'NoA3 PagedPool -',
  'NoA4 POOL_FLAG_NON_PAGED -',
  'NoA5 POOL_FLAG_PAGED -',
  'NoA8 PagedPool -',
  'NoA9 PagedPool -',
  'NoL1 - 136',
  'NoL2 - 288',
  'NoL3 NonPagedPoolNx 64',
];
for (const build of [
  'x86.clang.O2',
  'x86.gcc.O2',
  'x64.clang.O2',
  'x64.gcc.O2',
  'x64.clang.O0',
  'arm64.clang.O2',
]) {
  test(`A driver's requests are those of its source: ${build}`, () => {
    const file = projectFile('test', 'drivers', 'built', `ntos-allocators.${build}.sys`);
    const outcome = scanDriver(new Uint8Array(readFileSync(file)), { fileName: 'a.sys', sha256: '' });
    assert.ok(outcome.status === 'scanned');
    const asked = outcome.sightings.flatMap(({ tag, evidence }) =>
      evidence.flatMap(({ pool, sizeBytes }) =>
        pool === undefined && sizeBytes === undefined ? [] : [`${tag} ${pool ?? '-'} ${sizeBytes ?? '-'}`],
      ),
    );
    assert.deepEqual(asked, IN_THE_SOURCE);
  });
}
