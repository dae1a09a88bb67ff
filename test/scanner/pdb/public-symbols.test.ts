/** Public symbols: addresses by section headers and moved code, one name per address, all or none. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { openPdb } from '../../../scanner/pdb/open-pdb.ts';
import { PdbProblem } from '../../../scanner/pdb/pdb-problem.ts';
import { PublicSymbols, readPublicSymbols } from '../../../scanner/pdb/public-symbols.ts';
import { memoryFile } from './memory-file.ts';
import { recordsOf, type TinyPdbSpec, type TinySymbol, tinyPdb } from './tiny-pdb.ts';

const SECTIONS = [
  { rva: 0x1000, size: 0x800 },
  { rva: 0x5000, size: 0x200 },
];

function symbolsOf(spec: TinyPdbSpec): PublicSymbols | PdbProblem {
  const pdb = openPdb(memoryFile(tinyPdb({ sections: SECTIONS, ...spec })));
  return pdb instanceof PdbProblem ? pdb : readPublicSymbols(pdb);
}

function read(spec: TinyPdbSpec): PublicSymbols {
  const symbols = symbolsOf(spec);
  assert.ok(symbols instanceof PublicSymbols, (symbols as PdbProblem).message);
  return symbols;
}

const at = (offset: number, name: string, more: Partial<TinySymbol> = {}): TinySymbol => ({
  name,
  segment: 1,
  offset,
  ...more,
});

test('The id is the GUID and the age of the debug stream, as a symbol server spells them', () => {
  const pdb = openPdb(memoryFile(tinyPdb({ age: 0x1a })));
  assert.ok(!(pdb instanceof PdbProblem));
  // "tiny-pdb-of-test": the first three fields are little-endian numbers.
  assert.equal(pdb.id, '796E6974702D62642D6F662D746573741A');
});

test('Symbols in any order are found by the nearest address before a place', () => {
  const symbols = read({ symbols: [at(0x40, 'Third'), at(0, 'First'), at(0x10, 'Second')] });
  assert.equal(symbols.count, 3);
  const vectors: [rva: number, nearest: number | undefined][] = [
    [0xfff, undefined],
    [0x1000, 0x1000],
    [0x100f, 0x1000],
    [0x1010, 0x1010],
    [0x9999, 0x1040],
  ];
  for (const [rva, nearest] of vectors) assert.equal(symbols.rvaAtOrBefore(rva), nearest);
  assert.equal(symbols.nameAt(0x1010), 'Second');
  assert.equal(symbols.nameAt(0x1011), undefined);
});

test('A segment is the number of a section, and what lies in none has no address', () => {
  const symbols = read({
    symbols: [
      at(0x1ff, 'InSecond', { segment: 2 }),
      at(0x200, 'PastSecond', { segment: 2 }),
      at(0x10, 'Absolute', { segment: 3 }),
      at(0x10, 'NoSegment', { segment: 0 }),
      at(0xfffffff0, 'FarOff'),
    ],
  });
  assert.equal(symbols.count, 1);
  assert.equal(symbols.nameAt(0x51ff), 'InSecond');
});

test('Of several names for one address a function comes first, then the spelling decides', () => {
  const symbols = read({
    symbols: [
      at(0, 'aLabel'),
      at(0, 'Zebra', { isFunction: true }),
      at(0, 'Folded', { isFunction: true }),
      at(0, '', { isFunction: true }),
      at(8, ''),
    ],
  });
  assert.equal(symbols.nameAt(0x1000), 'Folded');
  assert.equal(symbols.nameAt(0x1008), undefined);
});

test('Other kinds of symbols are passed over', () => {
  const symbols = read({ symbols: [at(0, 'Local', { kind: 0x1125 }), at(4, 'Public')] });
  assert.equal(symbols.count, 1);
  assert.equal(symbols.nameAt(0x1004), 'Public');
});

test('Code that was moved after linking is found where it lies today', () => {
  const symbols = read({
    originalSections: [{ rva: 0x1000, size: 0x100 }],
    moves: [
      [0x1000, 0x5000],
      [0x1010, 0],
      [0x1020, 0x1200],
    ],
    symbols: [at(0x4, 'Moved'), at(0x14, 'LeftOut'), at(0x90, 'MovedToo')],
  });
  assert.equal(symbols.count, 2);
  assert.equal(symbols.nameAt(0x5004), 'Moved');
  assert.equal(symbols.nameAt(0x1270), 'MovedToo');
});

test('What comes before the first piece of a map of moved code has no address', () => {
  const problem = symbolsOf({
    originalSections: SECTIONS,
    moves: [[0x1100, 0x5000]],
    symbols: [at(0, 'Before')],
  });
  assert.ok(problem instanceof PdbProblem);
});

const good = recordsOf([at(0, 'First'), at(0x10, 'Second')]);
const PROBLEMS: [what: string, spec: TinyPdbSpec, message: RegExp][] = [
  ['types only', { isTypesOnly: true }, /types only/],
  ['no symbol records', { symbolRecords: new Uint8Array(0) }, /holds no symbols/],
  ['no public symbols', { symbols: [at(0, 'Local', { kind: 0x1125 })] }, /no public symbols/],
  ['no section headers', { sections: undefined, symbols: [at(0, 'A')] }, /no section headers/],
  ['a record that runs past the end', { symbolRecords: good.slice(0, -4) }, /damaged/],
  ['half a record header', { symbolRecords: Uint8Array.from([...good, 4, 0]) }, /damaged/],
  ['a record of no length', { symbolRecords: Uint8Array.from([...good, 0, 0, 0, 0]) }, /damaged/],
];
for (const [what, spec, message] of PROBLEMS) {
  test(`A PDB with ${what} gives its reason instead of some of the names`, () => {
    const problem = symbolsOf(spec);
    assert.ok(problem instanceof PdbProblem);
    assert.match(problem.message, message);
  });
}

test('A name without an end is taken up to the end of its record', () => {
  const records = recordsOf([at(0, 'Eight')]);
  const unended = records.map((byte, index) => (index >= 14 && byte === 0 ? 0x21 : byte));
  assert.equal(read({ symbolRecords: unended }).nameAt(0x1000)?.slice(0, 6), 'Eight!');
});
