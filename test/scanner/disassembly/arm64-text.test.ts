import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { projectFile } from '../../../data/project-files.ts';
import { arm64Text } from '../../../scanner/disassembly/arm64/arm64-text.ts';

const BASE_RVA = 0x1000_0000;
const hex = (rva: number) => `0x${rva.toString(16)}`;

const vectors = readFileSync(projectFile('test', 'vectors', 'arm64-instructions.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => [line.slice(0, 8), line.slice(10)]);

test('Every form of an ARM64 instruction is written as llvm-objdump reads it.', () => {
  assert.ok(vectors.length > 300, 'there are vectors');
  for (const [word, text] of vectors) {
    assert.equal(arm64Text(Number(`0x${word}`) | 0, BASE_RVA, hex), text, word);
  }
});

test('Any word gives one line of printable text, the word itself where it is not known.', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(), (word, rva) => {
      const text = arm64Text(word, rva, hex);
      assert.match(text, /^[a-z.][a-z0-9.]* ?[ -~]*$/);
      assert.doesNotMatch(text, /undefined|NaN/);
    }),
  );
});
