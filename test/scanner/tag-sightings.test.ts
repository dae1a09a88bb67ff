import assert from 'node:assert/strict';
import test from 'node:test';
import { localtagFacts } from '../../data/localtag-facts.ts';
import { directCallee } from '../../scanner/code/facts/sinks.ts';
import type { TagUse } from '../../scanner/code/facts/tag-use.ts';
import { KMDF_FUNCTIONS, POOL_FUNCTIONS } from '../../scanner/code/pool/pool-functions.ts';
import { PROCESSORS } from '../../scanner/code/processors/processor.ts';
import type { DriverNames } from '../../scanner/kmdf-default-tag.ts';
import { tagSightings } from '../../scanner/tag-sightings.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

/** A use of `text` (in memory order) by a function, with the given bits set on top. */
function use(functionName: string, text: string, more: Partial<TagUse> = {}, bits = 0): TagUse {
  const callee = directCallee(POOL_FUNCTIONS.get(functionName)!, 'ntoskrnl.exe', PROCESSORS.x64);
  const ulong = (Buffer.from(text, 'latin1').readUInt32LE() | bits) >>> 0;
  return {
    ulong,
    callee,
    rva: 0x1010,
    functionRva: 0x1000,
    origin: 'computed',
    constantRva: 0x1000,
    ...more,
  };
}

function sightingsOf(...uses: TagUse[]) {
  return sightingsNamed({ fileName: 'foo.sys' }, ...uses);
}

function sightingsNamed(names: DriverNames, ...uses: TagUse[]) {
  const cut = { isPartial: false, isStopped: false };
  const findings = { uses, literals: [], isListedFunction: () => true, unresolvedCalls: 0, ...cut };
  return tagSightings(findings, names);
}

const THIRD = 0x00ff0000;
const PROTECTED = 0x80000000;

test('A family with PROTECTED_POOL is named without it, whichever character is computed.', () => {
  const { sightings } = sightingsOf(use('ExAllocatePoolWithTag', 'Fa0x', { familyMask: THIRD }, PROTECTED));
  assert.deepEqual(
    sightings.map(({ tag, isPattern, protected: isProtected }) => [tag, isPattern, isProtected]),
    [['Fa?x', true, true]],
  );
});

test('A computed tag of a reference to an object is no pool sighting, and names no tag.', () => {
  const { sightings, otherTags } = sightingsOf(
    use('ObReferenceObjectWithTag', 'Fa0x', { familyMask: THIRD }),
    use('ObReferenceObjectWithTag', 'ObjR', { origin: 'immediate' }),
  );
  assert.deepEqual(sightings, []);
  assert.deepEqual(
    otherTags.map(({ tag }) => tag),
    ['ObjR'],
  );
});

test('A literal of two or three characters is a tag with NULs behind it, where the call is certain.', () => {
  const tagsOf = (...uses: TagUse[]) => sightingsOf(...uses).sightings.map(({ tag }) => tag);
  const written = { origin: 'immediate' as const };
  const guessed = {
    ...directCallee(POOL_FUNCTIONS.get('ExAllocatePoolWithTag')!, 'a', PROCESSORS.x64),
    guesses: 1,
  };
  assert.deepEqual(
    tagsOf(
      use('ExAllocatePoolWithTag', 'rx\0\0', written),
      use('ExAllocatePoolWithTag', 'Abc\0', written, PROTECTED),
    ),
    ['Abc\0', 'rx\0\0'],
  );
  for (const text of ['@\0\0\0', 'x\0\0\0', 'a b\0', 'ab\0d', '\0bc\0'])
    assert.deepEqual(tagsOf(use('ExAllocatePoolWithTag', text, written)), [], text);
  assert.deepEqual(tagsOf(use('ExAllocatePoolWithTag', 'rx\0\0')), []);
  assert.deepEqual(tagsOf(use('ExAllocatePoolWithTag', 'Abc\0', { ...written, callee: guessed })), []);
});

/** The names of file, version resource and PDB; the tag that KMDF is taken to compute, and what is said of the name. */
const DEFAULT_TAGS: [file: string, original: string | null, pdb: string | null, tag: string, says: RegExp][] =
  [
    ['foo.sys', null, null, 'foo\0', /taken from the file name\)/],
    ['flow.sys', 'FLOW.SYS', 'other.pdb', 'flow', /taken from the file name\)/],
    ['flow64.sys', 'other.sys', 'flow.pdb', 'flow', /taken from the file name\)/],
    [
      'foo(1).sys',
      'foo.sys',
      'foo.pdb',
      'foo\0',
      /taken to be foo, which the version resource calls .* in doubt/,
    ],
    [
      'copy-of-flow.sys',
      'WdfFlow.sys.mui',
      null,
      'Flow',
      /taken to be WdfFlow, .* in doubt, since the file has an/,
    ],
    [
      'flow.sys',
      null,
      'heater.pdb',
      'flow',
      /taken from the file name; in doubt, since its PDB is called heater\)/,
    ],
    [`${'0f'.repeat(32)}.sys`, null, 'heater.pdb', 'heat', /taken to be heater, .* named by a hash\)/],
    [`${'0f'.repeat(32)}.sys`, null, null, '0f0f', /taken from the file name\)/],
    ['flow.sys', 'f\u00e9.sys', null, 'flow', /taken from the file name\)/],
    ['flow.sys', 'x'.repeat(65), '', 'flow', /taken from the file name\)/],
  ];
for (const [fileName, originalName, pdbName, tag, says] of DEFAULT_TAGS) {
  test(`KMDF's default tag of ${fileName} (${originalName}, ${pdbName}) is ${JSON.stringify(tag)}.`, () => {
    const { poolFunction } = KMDF_FUNCTIONS.find(({ index }) => index === 116)!;
    const callee = directCallee(poolFunction, 'wdf01000.sys', PROCESSORS.x64);
    const created = use('ExAllocatePoolWithTag', '\0\0\0\0', { callee });
    const { sightings } = sightingsNamed({ fileName, originalName, pdbName }, created);
    assert.deepEqual(
      sightings.map(({ tag, evidence }) => [tag, evidence[0].kind]),
      [[tag, 'default-tag']],
    );
    assert.match(sightings[0].evidence[0].rule!, says);
  });
}

test('A localtag.txt has a family as the wildcard that it is.', () => {
  const { sightings, otherTags, remarks } = sightingsOf(
    use('ExAllocatePoolWithTag', 'Fa0x', { familyMask: THIRD }),
    use('ExAllocatePoolWithTag', 'Plai', { origin: 'immediate' }),
  );
  const driver = { ...NO_FACTS, fileName: 'foo.sys', sha256: '00', sizeBytes: 1, arch: 'x64' as const };
  const facts = localtagFacts([{ status: 'scanned', driver, sightings, otherTags, remarks, partial: false }]);
  assert.deepEqual(
    facts.map(({ tag, isPattern }) => [tag, isPattern]),
    [
      ['Fa?x', true],
      ['Plai', false],
    ],
  );
});
