import assert from 'node:assert/strict';
import test from 'node:test';
import { analyseCode } from '../../../scanner/code/analyse-code.ts';
import { exceptionScopes } from '../../../scanner/code/bytes/exception-scopes.ts';
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { section, smallImage } from './small-image.ts';

const FUNCTION = { beginRva: 0x1000, endRva: 0x1040, functionRva: 0x1000, unwindRva: 0x2100 };

/** x64: version 1 with a handler, one unwind code and its padding. */
const X64_HEADER = [0x0001_0009, 0, 0x1800];
/** ARM64: a handler, one epilog, one word of codes. */
const ARM64_HEADER = [0x0850_0010, 0, 0, 0x1800];

test('The handlers of a function are read from its scope table.', () => {
  const scope = { beginRva: 0x1004, endRva: 0x1010, handlerRva: 0x1020 };
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 1, 0x1004, 0x1010, 1, 0x1020]), [scope]);
  assert.deepEqual(scopesOf('arm64', [...ARM64_HEADER, 1, 0x1004, 0x1010, 1, 0x1020]), [scope]);
});

test('A termination handler is a function of its own.', () => {
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 1, 0x1004, 0x1010, 0x1900, 0]), []);
});

test('Data of other handlers is no scope table.', () => {
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 0x2200]), []);
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 1, 0x1004, 0x9010, 1, 0x1020]), []);
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 1, 0x1004, 0x1010, 1, 0x1820]), []);
  assert.deepEqual(scopesOf('x64', [...X64_HEADER, 0x7fffffff, 0x1004, 0x1010, 1, 0x1020]), []);
});

test('A function without a handler has none.', () => {
  assert.deepEqual(scopesOf('x64', [0x0001_0001, 0, 0x1800, 1, 0x1004, 0x1010, 1, 0x1020]), []);
  assert.deepEqual(scopesOf('arm64', [0x0840_0010, 0, 0, 0x1800, 1, 0x1004, 0x1010, 1, 0x1020]), []);
});

test('A tag that only a handler passes is found, with what the function has put into its frame.', () => {
  // 1000: sub rsp, 0x28; mov dword ptr [rsp+0x20], 0x31676154; call [KeBugCheck]; add rsp, 0x28; ret
  // 1020: mov edx, [rsp+0x20]; call [ExFreePoolWithTag]; add rsp, 0x28; ret
  const code = new Uint8Array(0x40).fill(0xcc);
  code.set(Buffer.from('4883ec28c744242054616731ff150e1000004883c428c3', 'hex'), 0);
  code.set(Buffer.from('8b542420ff15de0f00004883c428c3', 'hex'), 0x20);
  const found = (unwindRva?: number) =>
    analyseCode(image('x64', [...X64_HEADER, 1, 0x1004, 0x1012, 1, 0x1020], code, unwindRva), 'test.sys')
      .uses;
  assert.deepEqual(
    found(0x2100).map(({ ulong }) => ulong),
    [0x31676154],
  );
  assert.deepEqual(found(), []);
});

function scopesOf(arch: DriverImage['arch'], words: number[]) {
  return exceptionScopes(image(arch, words), FUNCTION);
}

function image(
  arch: DriverImage['arch'],
  words: number[],
  code = new Uint8Array(0x40),
  unwindRva?: number,
): DriverImage {
  const data = new Uint8Array(0x200);
  new Uint32Array(data.buffer, 0x100, words.length).set(words);
  return smallImage({
    arch,
    sections: [section('.text', 0x1000, code, { executable: true }), section('.rdata', 0x2000, data)],
    functionRanges: [{ ...FUNCTION, unwindRva }],
  });
}
