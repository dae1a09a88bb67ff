import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fg from 'fast-glob';
import { Code, Decoder, DecoderOptions } from 'iced-x86';
import { projectFile } from '../../../data/project-files.ts';
import { X86Decoder } from '../../../scanner/code/processors/x86/x86-decoder.ts';

const RANDOM_BYTES = 1 << 18;

for (const bits of [32, 64]) {
  test(`Instruction lengths in ${bits}-bit code are those of iced-x86, for random bytes at every position.`, () => {
    const bytes = randomBytes(RANDOM_BYTES, bits);
    const oracle = new Decoder(bits, bytes, DecoderOptions.None);
    const ours = new X86Decoder(bits === 64, 0, () => false);
    const wrong: string[] = [];
    for (let position = 0; position < bytes.length - 16; position++) {
      oracle.position = position;
      const instruction = oracle.decode();
      const { code, length } = instruction;
      instruction.free();
      // AMD withdrew XOP before kernel code used it: it is knowingly not decoded.
      if (code === Code.INVALID || Code[code].startsWith('XOP_')) continue;
      if (ours.decode(bytes, position, bytes.length, position) !== length)
        wrong.push(`${Code[code]} at ${position}`);
    }
    oracle.free();
    assert.deepEqual(wrong, []);
  });
}

test('Instruction lengths in the code of the test drivers are those of iced-x86.', async () => {
  const files = await fg('test/drivers/built/**/*.sys', { cwd: projectFile() });
  assert.ok(files.length > 0, 'there are test drivers');
  for (const file of files) {
    const bytes = new Uint8Array(readFileSync(projectFile(file)));
    for (const { code, is64 } of executableSections(bytes))
      assert.equal(firstMismatch(code, is64), undefined, file);
  }
});

test('No decoder call reads past its end or gives a length beyond it.', () => {
  const bytes = randomBytes(4096, 7);
  const ours = new X86Decoder(true, 0, () => false);
  for (let position = 0; position < bytes.length; position++) {
    for (let left = 0; left < 16; left++) {
      const end = Math.min(position + left, bytes.length);
      assert.ok(ours.decode(bytes, position, end, position) <= Math.max(end - position, 0));
    }
  }
});

function firstMismatch(code: Uint8Array, is64: boolean): string | undefined {
  const oracle = new Decoder(is64 ? 64 : 32, code, DecoderOptions.None);
  const ours = new X86Decoder(is64, 0, () => false);
  try {
    for (let position = 0; position < code.length; ) {
      oracle.position = position;
      const instruction = oracle.decode();
      const isValid = instruction.code !== Code.INVALID;
      const length = instruction.length;
      instruction.free();
      if (isValid && ours.decode(code, position, code.length, position) !== length) return `at ${position}`;
      position += isValid ? length : 1;
    }
  } finally {
    oracle.free();
  }
  return undefined;
}

/** Section bytes straight from the headers, so that this test needs nothing of scanner/pe. */
function executableSections(file: Uint8Array): { code: Uint8Array; is64: boolean }[] {
  const view = new DataView(file.buffer);
  const header = view.getUint32(0x3c, true);
  const machine = view.getUint16(header + 4, true);
  if (machine !== 0x14c && machine !== 0x8664) return [];
  const table = header + 24 + view.getUint16(header + 20, true);
  return Array.from({ length: view.getUint16(header + 6, true) }, (_, i) => table + 40 * i).flatMap(row => {
    if ((view.getUint32(row + 36, true) & 0x20000000) === 0) return [];
    const at = view.getUint32(row + 20, true);
    const size = Math.min(view.getUint32(row + 16, true), view.getUint32(row + 8, true));
    return [{ code: file.slice(at, at + size), is64: machine === 0x8664 }];
  });
}

/** The same bytes in every run: a linear congruential generator. */
function randomBytes(count: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}
