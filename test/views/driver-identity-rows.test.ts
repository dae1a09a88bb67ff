/** The rows of a driver's page on the file itself. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { identityRows } from '../../api/page-models/driver-identity-rows.ts';
import type { DriverIdentity } from '../../data/facts.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

function rows(facts: Partial<DriverIdentity>): Map<string, string[]> {
  const driver = {
    ...NO_FACTS,
    fileName: 'foo.sys',
    sha256: 'ab'.repeat(32),
    sizeBytes: 81920,
    arch: 'x64',
  } as const;
  return new Map(
    identityRows({ ...driver, ...facts }).map(({ label, lines }) => [
      label,
      lines.map(({ text, code }) => [text, code].filter(Boolean).join(' ')),
    ]),
  );
}

test('A file that says nothing has its size and hash', () => {
  assert.deepEqual(
    [...rows({})],
    [
      ['Size', ['81,920 bytes']],
      ['SHA-256', ['ab'.repeat(32)]],
    ],
  );
});

const ROWS: [label: string, facts: Partial<DriverIdentity>, lines: string[]][] = [
  ['Linked', { linkDate: '2024-05-01T09:00:00Z' }, ['2024-05-01 09:00:00 UTC']],
  [
    'Build hash',
    { buildHash: 'deadbeef' },
    ['Reproducible build: the header holds a hash in place of a date. deadbeef'],
  ],
  ['Symbols', { pdbName: 'foo.pdb', pdbId: 'AB1' }, ['foo.pdb AB1']],
  ['Symbols', { pdbName: 'foo.pdb' }, ['foo.pdb']],
  [
    'Hybrid',
    { hybrid: 'ARM64EC' },
    ['ARM64EC: the image holds code of two kinds, and that of its native view was scanned.'],
  ],
  ['Frameworks', { frameworks: [{ id: 'kmdf', name: 'KMDF', version: '1.31' }] }, ['KMDF 1.31']],
  [
    'Imports',
    {
      imports: [
        { dll: 'ntoskrnl.exe', functions: 1, delayed: false },
        { dll: 'hal.dll', functions: 1200, delayed: true },
      ],
    },
    ['ntoskrnl.exe (1 function), hal.dll (1,200 functions, loaded late)'],
  ],
  [
    'Pool functions',
    { poolFunctions: ['ndis.sys!NdisFreeMemory', 'ntoskrnl.exe!ExAllocatePool2'] },
    ['ndis.sys!NdisFreeMemory, ExAllocatePool2'],
  ],
  [
    'Signature',
    { signature: { status: 'none', signatures: [] } },
    ['No embedded signature (it may be signed by a catalogue).'],
  ],
];
for (const [label, facts, lines] of ROWS) {
  test(`The row ${label}: ${lines[0].slice(0, 40)}`, () => assert.deepEqual(rows(facts).get(label), lines));
}

test('Long lists end in a number', () => {
  const poolFunctions = Array.from({ length: 35 }, (_, n) => `a.sys!F${n}`);
  assert.match(rows({ poolFunctions }).get('Pool functions')?.[0] ?? '', /a\.sys!F29 and 5 more$/);
});
