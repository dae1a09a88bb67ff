/** Whatever a PDB holds: symbols that keep their promises or a reason, in bounded time, and few bytes read. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { openPdb } from '../../../scanner/pdb/open-pdb.ts';
import { PdbProblem } from '../../../scanner/pdb/pdb-problem.ts';
import { type PublicSymbols, readPublicSymbols } from '../../../scanner/pdb/public-symbols.ts';
import { stopwatch } from '../../stopwatch.ts';
import { mutateImage } from '../pe/mutate-image.ts';
import { memoryFile } from './memory-file.ts';
import { tinyPdb } from './tiny-pdb.ts';

const MUTATIONS_EACH = 2000;
/** Far above what a small PDB takes (under 1 ms), far below a hang; a busy machine must not fail the test. */
const LIMIT_MS = 1000;

// No Buffer: its slice() shares memory, so that damage would add up.
const BUILT = Uint8Array.from(
  readFileSync(projectFile('test', 'drivers', 'symbols', 'x64', 'named-sites.pdb')),
);
const TINY = tinyPdb({
  sections: [{ rva: 0x1000, size: 0x1000 }],
  originalSections: [{ rva: 0x1000, size: 0x1000 }],
  moves: [
    [0x1000, 0x2000],
    [0x1100, 0x1000],
  ],
  symbols: Array.from({ length: 60 }, (_, index) => ({
    name: `?Function${index}@Class@@QEAAXXZ`,
    segment: 1,
    offset: index * 16,
  })),
});

function read(bytes: Uint8Array): { symbols: PublicSymbols | PdbProblem; bytesRead: number } {
  const file = memoryFile(bytes);
  const pdb = openPdb(file);
  const symbols = pdb instanceof PdbProblem ? pdb : readPublicSymbols(pdb);
  return { symbols, bytesRead: file.bytesRead };
}

function assertPromises(bytes: Uint8Array, what: string): void {
  const takenMs = stopwatch();
  const { symbols, bytesRead } = read(bytes);
  if (symbols instanceof PdbProblem) assert.match(symbols.message, /^i.*[^.]$/, what);
  else {
    assert.ok(symbols.count > 0, `${what}: there is a symbol`);
    for (const rva of [0, 0x1000, 0x1009, 0x2000, 0x5000, 0xffffffff]) {
      const nearest = symbols.rvaAtOrBefore(rva);
      if (nearest === undefined) continue;
      assert.ok(nearest <= rva, `${what}: the nearest is before`);
      const name = symbols.nameAt(nearest);
      assert.ok(name === undefined || (name !== '' && name.length <= 4096), `${what}: a name is a name`);
    }
  }
  const elapsedMs = takenMs();
  assert.ok(elapsedMs < LIMIT_MS, `${what} took ${elapsedMs} ms`);
  // Three headers, a directory, two tables and the records: none is longer than the file.
  assert.ok(bytesRead <= 8 * bytes.length + 4096, `${what}: ${bytesRead} bytes were read`);
}

for (const [name, bytes] of [
  ['a linker', BUILT],
  ['a test', TINY],
] as const) {
  test(`Any damage to a PDB of ${name} gives symbols that keep their promises, or a reason`, () => {
    assert.ok(!(read(bytes).symbols instanceof PdbProblem), 'it is sound before');
    for (let seed = 1; seed <= MUTATIONS_EACH; seed++) {
      assertPromises(mutateImage(bytes, seed), `seed ${seed}`);
    }
  });
}

test('A PDB that ends before its directory, which is last, gives a reason', () => {
  for (let length = 0; length < TINY.length - 512; length += 7) {
    const prefix = TINY.subarray(0, length);
    assertPromises(prefix, `${length} bytes`);
    assert.ok(read(prefix).symbols instanceof PdbProblem, `${length} of ${TINY.length} bytes were enough`);
  }
});

test('Streams that share all their blocks are read once each, whatever they claim', () => {
  // Every block number of the directory is the one of the symbol records.
  const bytes = TINY.slice();
  const view = new DataView(bytes.buffer);
  const directoryAt = view.getUint32(3 * 512, true) * 512;
  const directoryEnd = directoryAt + view.getUint32(44, true);
  const lists = directoryAt + 4 + view.getUint32(directoryAt, true) * 4;
  for (let at = lists; at < directoryEnd; at += 4) view.setUint32(at, 5, true);
  assertPromises(bytes, 'shared blocks');
});

test('A million symbols are sorted in bounded time, more than two million refused', () => {
  const record = (count: number) => {
    const records = new Uint8Array(count * 20);
    const view = new DataView(records.buffer);
    for (let index = 0; index < count; index++) {
      view.setUint16(index * 20, 18, true);
      view.setUint16(index * 20 + 2, 0x110e, true);
      view.setUint32(index * 20 + 8, (index * 7919) % 0x100000, true);
      view.setUint16(index * 20 + 12, 1, true);
      records[index * 20 + 14] = 0x41;
    }
    return tinyPdb({ blockSize: 4096, sections: [{ rva: 0x1000, size: 0x100000 }], symbolRecords: records });
  };
  const takenMs = stopwatch();
  const { symbols } = read(record(1_000_000));
  assert.ok(!(symbols instanceof PdbProblem));
  assert.equal(symbols.count, 1_000_000);
  assert.equal(symbols.rvaAtOrBefore(0x1000), 0x1000);
  assert.ok(takenMs() < 10_000);
  const tooMany = read(record(2_200_000)).symbols;
  assert.ok(tooMany instanceof PdbProblem);
  assert.match(tooMany.message, /2097152 public symbols/);
});
