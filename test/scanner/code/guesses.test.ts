import assert from 'node:assert/strict';
import test from 'node:test';
import { isTagNear } from '../../../scanner/code/displacement-sites.ts';
import type { FunctionMap } from '../../../scanner/code/function-map.ts';
import { Worklist } from '../../../scanner/code/worklist.ts';
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

test('A wave takes what is proven, then guesses near tags, then other guesses', () => {
  const image = imageOf('x64', `${'90'.repeat(0x210)}ba54616731`);
  const functionAt = (rva: number) => (rva & ~0xff) + 0x10;
  const functions = { functionAt } as FunctionMap;
  const index = { callersOf: () => [] } as never;
  const worklist = new Worklist({ image, index, functions }, {} as never);
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
