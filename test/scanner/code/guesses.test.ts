import assert from 'node:assert/strict';
import test from 'node:test';
import { isTagNear } from '../../../scanner/code/bytes/tags-in-code.ts';
import { Worklist } from '../../../scanner/code/facts/worklist.ts';
import type { FunctionMap } from '../../../scanner/code/functions/function-map.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { section, smallImage } from './small-image.ts';

const CODE_RVA = 0x1000;
const PUSHES = '4157 4156 4155 4154'; // they read "AWAVAUAT"

function imageOf(arch: DriverImage['arch'], code: string): DriverImage {
  const text = new Uint8Array(0x1000).fill(0xcc);
  text.set(Buffer.from(code.replaceAll(' ', ''), 'hex'));
  return smallImage({ arch, sections: [section('.text', CODE_RVA, text, { executable: true })] });
}

for (const { arch, code, isNear, what } of [
  { arch: 'x64', code: `${PUSHES} 894110`, isNear: false, what: 'the pushes of a beginning' },
  { arch: 'x64', code: `${PUSHES} ba54616731 894110`, isNear: true, what: 'mov edx' },
  { arch: 'x64', code: `48b85461673154616732 894110`, isNear: true, what: 'mov rax, eight bytes' },
  { arch: 'x64', code: `c7411054616731`, isNear: true, what: 'mov to memory' },
  { arch: 'x64', code: `c744241054616731`, isNear: true, what: 'mov to the frame' },
  { arch: 'x64', code: `8d9054616731`, isNear: true, what: 'lea, a tag and a number' },
  { arch: 'x86', code: `6854616731`, isNear: true, what: 'push' },
  { arch: 'x86', code: `e854616731`, isNear: false, what: 'the distance of a call' },
  { arch: 'arm64', code: `418cca52 c126a672`, isNear: true, what: 'movz, movk' },
  { arch: 'arm64', code: `418c8a52`, isNear: false, what: 'movz alone' },
] as const)
  test(`Before a store on ${arch}, ${what}: ${isNear ? 'something' : 'nothing'} like a tag is near`, () => {
    assert.equal(isTagNear(imageOf(arch, code), CODE_RVA + code.replaceAll(' ', '').length / 2), isNear);
  });

/** Functions of 256 bytes, each beginning 16 bytes after a round address; `callers` by function. */
function worklistOf(image: DriverImage, callers: Record<number, number[]> = {}, pointedAt: number[] = []) {
  const functions = {
    functionAt: rva => (rva & ~0xff) + 0x10,
    pieces: rva => [{ section: image.sections[0], beginRva: rva, endRva: rva + 0xf0 }],
  } as FunctionMap;
  const index = { callersOf: (rva: number) => callers[rva] ?? [], referencesTo: () => [] } as never;
  const pointers = {
    slotsOf: (rva: number) => (pointedAt.includes(rva) ? [0x3000] : []),
    codeNear: () => [],
    isOfObject: () => false,
  };
  return new Worklist({ image, index, functions }, pointers);
}

test('A wave takes what is proven, then guesses near tags, then other guesses', () => {
  const worklist = worklistOf(imageOf('x64', `${'90'.repeat(0x210)}ba54616731`));
  worklist.addGuesses([0x1480, 0x1220, 0x1490]);
  worklist.add([0x1320]);
  assert.ok(worklist.hasProven && worklist.hasGuessesNearTags);
  assert.deepEqual([...worklist.takeFunctions()], [0x1310]);
  assert.ok(!worklist.hasProven);
  assert.deepEqual([...worklist.takeFunctions()], [0x1210]);
  assert.ok(!worklist.hasGuessesNearTags && !worklist.isEmpty);
  assert.deepEqual([...worklist.takeFunctions()], [0x1410]);
  assert.ok(worklist.isEmpty);
});

for (const { arch, tag } of [
  { arch: 'x64', tag: 'ba54616731' },
  { arch: 'arm64', tag: 'c126a672' },
] as const)
  test(`On ${arch} few functions are looked at for a guess that see no tag, and all that may`, () => {
    // One that holds a tag far from the site, one that is passed one, one in a table, one that nobody is seen to call.
    const CODE = ['90'.repeat(0x220), tag, '90'.repeat(0x400 - tag.length / 2), tag].join('');
    const image = imageOf(arch, CODE.padEnd(0x2000, '90'));
    const remote = Array.from({ length: 200 }, (_, n) => CODE_RVA + 0x10010 + n * 0x100);
    const callers = Object.fromEntries([0x1210, 0x1710, 0x1a10, ...remote].map(rva => [rva, [0x1d80]]));
    callers[0x1710] = [0x1d80, 0x1630];
    const worklist = worklistOf(image, callers, [0x1a10]);
    worklist.addGuesses(remote.map(rva => rva + 0x80));
    const taken = worklist.takeFunctions();
    assert.ok(taken.size > 10 && taken.size < 100, `${taken.size}`);
    worklist.addGuesses([...remote.map(rva => rva + 0x90), 0x12e0, 0x17e0, 0x1ae0, 0x1ee0]);
    assert.deepEqual([...worklist.takeFunctions()], [...taken, 0x1210, 0x1710, 0x1a10, 0x1e10]);
    worklist.addSitesOfTags([remote[199]]);
    assert.deepEqual([...worklist.takeFunctions()], [remote[199]]);
  });
