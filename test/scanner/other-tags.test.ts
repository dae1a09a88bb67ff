/** Tags of remove locks and of references to objects: told apart from pool tags, on every processor. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fg from 'fast-glob';
import type { ScannedDriver } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { analyseCode } from '../../scanner/code/analyse-code.ts';
import { readDriverImage } from '../../scanner/pe/driver-image.ts';
import type { DriverImage } from '../../scanner/pe/image-facts.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { type Sightings, tagSightings } from '../../scanner/tag-sightings.ts';
import { codeImage } from './code/code-image.ts';

const built = projectFile('test', 'drivers', 'built');

function bytesOf(file: string): Uint8Array {
  return new Uint8Array(readFileSync(projectFile('test', 'drivers', 'built', file)));
}

function scanned(file: string): ScannedDriver {
  const outcome = scanDriver(bytesOf(file), { fileName: file, sha256: '' });
  assert.ok(outcome.status === 'scanned', file);
  return outcome;
}

/** `Lock remove-lock 1 ntoskrnl.exe!IoInitializeRemoveLockEx`. */
function lines({ otherTags }: Pick<Sightings, 'otherTags'> | ScannedDriver): string[] {
  return (otherTags ?? []).map(({ tag, kind, sites, api }) => `${tag} ${kind} ${sites} ${api}`);
}

/** What the source passes to such functions. */
const SOURCES: Record<string, string[]> = {
  bait: [
    'Lock remove-lock 1 ntoskrnl.exe!IoInitializeRemoveLockEx',
    'Obf1 object-reference 1 ntoskrnl.exe!ObReferenceObjectByHandleWithTag',
    'Obf2 object-reference 1 ntoskrnl.exe!ObReferenceObjectByPointerWithTag',
    'Obf3 object-reference 1 ntoskrnl.exe!ObDereferenceObjectDeferDeleteWithTag',
  ],
  'buffer-pools': [
    'BFLk remove-lock 1 ntoskrnl.exe!IoInitializeRemoveLockEx',
    'BRef object-reference 1 ntoskrnl.exe!ObReferenceObjectByPointerWithTag',
  ],
  'disk-filter': ['DfLk remove-lock 1 ntoskrnl.exe!IoInitializeRemoveLockEx'],
  'ntos-allocators': [],
};
for (const [source, expected] of Object.entries(SOURCES)) {
  for (const file of fg.sync(`${source}.*.sys`, { cwd: built })) {
    test(`${file} has the tags of its source that are no pool tags, as nothing else`, () => {
      const driver = scanned(file);
      assert.deepEqual(lines(driver), expected);
      assert.equal('otherTags' in driver, expected.length > 0);
      const others = new Set(driver.otherTags?.map(({ tag }) => tag));
      assert.deepEqual(
        driver.sightings.filter(({ tag }) => others.has(tag)).map(({ tag }) => tag),
        [],
      );
      assert.deepEqual(
        driver.driver.poolFunctions.filter(name => /!(Io|Ob)/.test(name)),
        [],
      );
    });
  }
}

/** The image with one of its imports under another name. */
function renamed(image: DriverImage, from: string, to: string): DriverImage {
  const imports = image.imports.map(one => (one.name === from ? { ...one, name: to } : one));
  return Object.defineProperty(Object.create(image) as DriverImage, 'imports', { value: imports });
}

function found(image: DriverImage): Sightings {
  return tagSightings(analyseCode(image, 'test.sys'), { fileName: 'test.sys' });
}

// x86 code whose one import slot is that of a fastcall function: the assembly, and what is to be found
const FASTCALL: [hex: string, name: string, expected: string[], reason: string][] = [
  // mov edx,0x66657254; mov ecx,eax; call [slot]; ret
  [
    'ba5472656689c1ff1500204000c3',
    'ObfReferenceObjectWithTag',
    ['Tref object-reference 1 ntoskrnl.exe!ObfReferenceObjectWithTag'],
    'the tag stands in edx',
  ],
  [
    'ba5472656689c1ff1500204000c3',
    'ObfDereferenceObjectWithTag',
    ['Tref object-reference 1 ntoskrnl.exe!ObfDereferenceObjectWithTag'],
    'the other way',
  ],
  [
    'ba5472656689c1ff1500204000c3',
    '@ObfReferenceObjectWithTag@8',
    ['Tref object-reference 1 ntoskrnl.exe!ObfReferenceObjectWithTag'],
    'under its decorated name',
  ],
  [
    'ba5472656689c1ff1500204000c3',
    'ObDereferenceObjectDeferDeleteWithTag',
    [],
    'a function that takes its arguments on the stack',
  ],
  // push 0x66657254; mov ecx,eax; call [slot]; ret
  ['685472656689c1ff1500204000c3', 'ObfReferenceObjectWithTag', [], 'what is pushed is no argument of it'],
  // mov ecx,0x66657254; call [slot]; ret
  ['b954726566ff1500204000c3', 'ObfReferenceObjectWithTag', [], 'ecx holds the object'],
  // mov edx,0x66657254; mov ecx,eax; call [slot]; mov edx,0x66657254; mov ecx,esi; call [slot]; ret
  [
    'ba5472656689c1ff1500204000ba5472656689f1ff1500204000c3',
    'ObfReferenceObjectWithTag',
    ['Tref object-reference 2 ntoskrnl.exe!ObfReferenceObjectWithTag'],
    'two calls are one tag',
  ],
  // mov edx,0x00001234; mov ecx,eax; call [slot]; ret
  ['ba3412000089c1ff1500204000c3', 'ObfReferenceObjectWithTag', [], 'a number that no tag can be'],
];
for (const [hex, name, expected, reason] of FASTCALL) {
  test(`${name} on x86: ${reason}`, () => {
    const image = codeImage('x86', Uint8Array.from(Buffer.from(hex, 'hex')));
    const { sightings, otherTags, remarks } = found(renamed(image, 'ExAllocatePoolWithTag', name));
    assert.deepEqual(lines({ otherTags }), expected);
    assert.deepEqual(
      sightings.filter(({ evidence }) => evidence.some(({ kind }) => kind !== 'literal')),
      [],
    );
    assert.deepEqual(remarks, [], 'what was not found is no tag of a pool either');
  });
}

for (const [file, expected] of [
  ['bait.x64.clang.O2.sys', true],
  ['bait.arm64.clang.O2.sys', true],
  ['bait.x86.clang.O2.sys', false],
] as const) {
  test(`ObfDereferenceObjectWithTag takes its tag ${expected ? 'as any function does' : 'in a register'}: ${file}`, () => {
    const image = readDriverImage(bytesOf(file));
    assert.ok(!('code' in image));
    const other = renamed(image, 'ObDereferenceObjectDeferDeleteWithTag', 'ObfDereferenceObjectWithTag');
    const line = 'Obf3 object-reference 1 ntoskrnl.exe!ObfDereferenceObjectWithTag';
    assert.equal(lines(found(other)).includes(line), expected);
  });
}

test('A tag of a remove lock that is a pool tag as well is both', () => {
  // push 0x31676154; push 16; push 1; call [slot] on x86, twice: once as an allocator and once as a lock
  const code = Uint8Array.from(Buffer.from('68546167316a106a01ff1500204000c3', 'hex'));
  const image = codeImage('x86', code);
  const uses = analyseCode(image, 'test.sys').uses;
  assert.equal(uses.length, 1);
  const [use] = uses;
  const lock = {
    ...use,
    callee: { ...use.callee, poolFunction: { ...use.callee.poolFunction, kind: 'remove-lock' as const } },
  };
  const both = tagSightings(
    { ...analyseCode(image, 'test.sys'), uses: [use, lock] },
    { fileName: 'test.sys' },
  );
  assert.deepEqual(
    both.sightings.map(({ tag }) => tag),
    ['Tag1'],
  );
  assert.deepEqual(
    both.otherTags.map(({ tag }) => tag),
    ['Tag1'],
  );
});

test('A hostile number of such tags is cut off', () => {
  const image = codeImage('x86', Uint8Array.from(Buffer.from('68546167316a106a01ff1500204000c3', 'hex')));
  const findings = analyseCode(image, 'test.sys');
  const [use] = findings.uses;
  const poolFunction = { ...use.callee.poolFunction, kind: 'remove-lock' as const };
  const uses = Array.from({ length: 5000 }, (_, n) => ({
    ...use,
    ulong: 0x41414141 + (n % 26) + ((n / 26) | 0) * 0x100,
    callee: { ...use.callee, poolFunction },
  }));
  assert.ok(tagSightings({ ...findings, uses }, { fileName: 'test.sys' }).otherTags.length <= 200);
});
