/** Which public symbol names a place: the nearest one before it, if it is the same function's. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { TagSighting } from '../../../data/facts.ts';
import { poolTag, tagId } from '../../../data/pool-tag.ts';
import { nameSites } from '../../../scanner/name-sites.ts';
import { DriverSymbols } from '../../../scanner/pdb/driver-symbols.ts';
import { openPdb } from '../../../scanner/pdb/open-pdb.ts';
import { PdbProblem } from '../../../scanner/pdb/pdb-problem.ts';
import { readPublicSymbols } from '../../../scanner/pdb/public-symbols.ts';
import { readDriverImage } from '../../../scanner/pe/driver-image.ts';
import type { DriverImage, FunctionRange, Section } from '../../../scanner/pe/image-facts.ts';
import { tinyImage } from '../pe/tiny-image.ts';
import { memoryFile } from './memory-file.ts';
import { tinyPdb } from './tiny-pdb.ts';

const MB = 1024 * 1024;
const TEXT = { rva: 0x1000, virtualSize: 4 * MB };
const PAGE = { rva: 0x500000, virtualSize: 0x1000 };

/** An image with two sections and these functions; all else is of no matter here. */
function imageWith(arch: DriverImage['arch'], functionRanges: FunctionRange[]): DriverImage {
  const image = readDriverImage(tinyImage({ arch }));
  assert.ok(!('code' in image));
  const sections = [TEXT, PAGE].map(place => ({ ...image.sections[0], ...place }) as Section);
  const sectionAt = (rva: number) => sections.find(one => rva >= one.rva && rva < one.rva + one.virtualSize);
  return { ...image, functionRanges, sectionAt };
}

function symbolsFor(image: DriverImage, names: [rva: number, name: string][]): DriverSymbols {
  const symbols = names.map(([rva, name]) => ({ name, segment: 1, offset: rva }));
  const pdb = openPdb(memoryFile(tinyPdb({ sections: [{ rva: 0, size: 16 * MB }], symbols })));
  assert.ok(!(pdb instanceof PdbProblem));
  const publics = readPublicSymbols(pdb);
  assert.ok(!(publics instanceof PdbProblem));
  return new DriverSymbols(publics, image);
}

const range = (beginRva: number, endRva: number, functionRva = beginRva) => ({
  beginRva,
  endRva,
  functionRva,
});

test('With .pdata, a symbol names its own function and all pieces of it, and nothing behind', () => {
  const image = imageWith('x64', [
    range(0x1000, 0x1100),
    range(0x1100, 0x1180, 0x1000),
    range(0x1200, 0x1300),
    range(0x9000, 0x9080, 0x1000),
  ]);
  const symbols = symbolsFor(image, [
    [0x1000, 'Named'],
    [0x8ff0, 'Leaf'],
    [0x500000, 'Paged'],
  ]);
  const vectors: [rva: number, expected: string | undefined, why: string][] = [
    [0xfff, undefined, 'before every symbol'],
    [0x1000, 'Named+0', 'its first byte'],
    [0x10ff, 'Named+255', 'its last byte'],
    [0x1110, 'Named+272', 'a piece that is chained to it'],
    [0x1190, undefined, 'no function at all, behind a function with a name'],
    [0x1210, undefined, 'another function, which has no public name'],
    [0x8ff8, 'Leaf+8', 'a leaf function, which has no .pdata'],
    [0x8ffc, undefined, 'another leaf function behind it, as the analysis found'],
    [0x9010, undefined, 'a far piece of Named behind the symbol of a leaf'],
    [0x500004, 'Paged+4', 'another section, without .pdata'],
    [0x501000, undefined, 'outside every section'],
  ];
  for (const [rva, expected, why] of vectors) {
    const place = symbols.nameOf(rva, rva === 0x8ffc ? rva : 0x1000);
    assert.equal(place && `${place.name}+${place.offset}`, expected, `0x${rva.toString(16)}: ${why}`);
  }
});

test('Without .pdata, a symbol counts unless the analysis found a later function, and not across sections', () => {
  const symbols = symbolsFor(imageWith('x86', []), [
    [0x1000, '_First@8'],
    [0x2000, '_Label'],
  ]);
  assert.deepEqual(symbols.nameOf(0x1010), { name: 'First', offset: 0x10 });
  assert.deepEqual(symbols.nameOf(0x1010, 0x1000), { name: 'First', offset: 0x10 });
  assert.deepEqual(symbols.nameOf(0x2010, 0x1ff0), { name: 'Label', offset: 0x10 });
  assert.equal(symbols.nameOf(0x1010, 0x1008), undefined);
  assert.equal(symbols.nameOf(0x500010), undefined);
  assert.deepEqual(symbols.nameOf(0x2000 + MB), { name: 'Label', offset: MB });
  assert.equal(symbols.nameOf(0x2001 + MB), undefined);
});

test('A name from a PDB can be shown: no control or direction characters, and no endless line', () => {
  const symbols = symbolsFor(imageWith('x64', []), [
    [0x1000, 'Red\u001b[31m\u202etxt'],
    [0x1100, 'x'.repeat(3000)],
    [0x1200, '\u0007'],
  ]);
  assert.equal(symbols.nameOf(0x1004)?.name, 'Red[31mtxt');
  assert.equal(symbols.nameOf(0x1104)?.name.length, 256);
  assert.equal(symbols.nameOf(0x1204), undefined);
});

test('Evidence gets the module, the symbol and the distance, and wrappers theirs', () => {
  const places = new Map([
    [0x10, { name: 'Allocate', offset: 0x2c }],
    [0x20, { name: 'Wrapper', offset: 0 }],
  ]);
  const sighting: TagSighting = {
    tag: poolTag('Abcd'),
    id: tagId(poolTag('Abcd')),
    protected: false,
    evidence: [
      { kind: 'wrapper-call', rva: 0x10, wrappers: [0x20, 0x30] },
      { kind: 'wrapper-call', rva: 0x40, wrappers: [0x30] },
      { kind: 'default-tag' },
    ],
  };
  const named = (fileName: string) => {
    const copy = structuredClone(sighting);
    nameSites([copy], { nameOf: rva => places.get(rva) }, fileName, () => undefined);
    return copy.evidence;
  };
  assert.deepEqual(named('My.Drv.sys'), [
    {
      kind: 'wrapper-call',
      rva: 0x10,
      wrappers: [0x20, 0x30],
      symbol: 'My.Drv!Allocate+0x2c',
      wrapperSymbols: ['My.Drv!Wrapper', null],
    },
    { kind: 'wrapper-call', rva: 0x40, wrappers: [0x30] },
    { kind: 'default-tag' },
  ]);
  assert.equal(named('driver')[0].symbol, 'driver!Allocate+0x2c');
  assert.equal(named('.sys')[0].symbol, '.sys!Allocate+0x2c');
});
