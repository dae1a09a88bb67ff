import assert from 'node:assert/strict';
import test from 'node:test';
import { ReferenceTable } from '../../../scanner/code/bytes/reference-table.ts';

const TARGETS = [-0x7fff_ff00, -8, 0x40, 0x1010, 0x1017, 0x7fff_fff0];

function table(): ReferenceTable {
  const references = new ReferenceTable(0x1000);
  for (const target of TARGETS) references.add(target, 0x2000);
  return references;
}

test('The next target is the lowest one in the range, and the limit where there is none', () => {
  const numbers = [-0x8000_0000, -100, -8, -7, 0, 0x3f, 0x40, 0x41, 0x1011, 0x1018, 0x7fff_ffef, 0x7fff_fff1];
  const lengths = [0, 1, 2, 15, 16, 17, 0x40, 0xfff, 0x1_0000, 0x1_0000_0000];
  for (const from of numbers) {
    for (const length of lengths) {
      const limit = from + length;
      const expected = Math.min(limit, ...TARGETS.filter(target => target >= from && target < limit));
      assert.equal(table().nextTarget(from, limit), expected, `${from} to ${limit}`);
    }
  }
});

test('A range that runs past the last address ends', () => {
  // An array whose elements are as far apart as a loop of damaged code counts.
  assert.equal(
    table().nextTarget(0x7fff_fff8, 0x7fff_fff8 + 64 * 0x7000_0000),
    0x7fff_fff8 + 64 * 0x7000_0000,
  );
  assert.equal(table().nextTarget(0x7fff_fff8, 0x7fff_fff8 + 0x100), 0x7fff_fff8 + 0x100);
});
