import assert from 'node:assert/strict';
import test from 'node:test';
import { evidenceInWords, placeText } from '../../api/evidence-words.ts';

const PLACES: [rva: number, symbol: string | undefined, expected: string, reason: string][] = [
  [0x1a2b, undefined, '0x1a2b', 'an address is all there is'],
  [0x1a2b, 'foo!Bar+0x2c', '0x1a2b (foo!Bar+0x2c)', 'a symbol stands behind it'],
  [0x10, `foo!${'x'.repeat(80)}`, `0x10 (foo!${'x'.repeat(56)}...)`, 'names of C++ have no end'],
  [0x10, 'foo\u001b[2J!Bar', '0x10 (foo\\x1B[2J!Bar)', 'a file name may hold anything'],
];
test('A place is its address, with its symbol where there is one.', () => {
  for (const [rva, symbol, expected, reason] of PLACES) {
    assert.equal(placeText(rva, symbol), expected, reason);
  }
});

test('An inferred call says what it was inferred from.', () => {
  const call = { kind: 'inferred-call', api: 'netpart.sys!NpxAllocateBlock' } as const;
  assert.match(evidenceInWords(call), /an object that only its fields tell/);
  assert.match(
    evidenceInWords({ ...call, rule: 'no documentation' }),
    /NpxAllocateBlock, which no documentation lists/,
  );
});
