import assert from 'node:assert/strict';
import test from 'node:test';
import { indexX86Code } from '../../../scanner/code/code-index.ts';
import { mapFunctions } from '../../../scanner/code/function-map.ts';
import type { DriverImage, FunctionRange } from '../../../scanner/pe/image-facts.ts';
import { codeImage } from './code-image.ts';
import { smallImage } from './small-image.ts';

/** The image of `codeImage` with its code at another address. */
function imageAt(rva: number, functionRanges: FunctionRange[] = []): DriverImage {
  const image = codeImage('x64', Uint8Array.of(0xc3));
  const sections = image.sections.map(section => (section.executable ? { ...section, rva } : section));
  return { ...image, sections, functionRanges, entryPointRva: rva };
}

function mapOf(image: DriverImage) {
  return mapFunctions(image, indexX86Code(image));
}

test('code that lies beyond 2 GB belongs to no function, listed or not', () => {
  const listed = { beginRva: 0xfffff000, endRva: 0xfffff010, functionRva: 0xfffff000 };
  assert.equal(mapOf(imageAt(0xfffff000)).functionAt(0xfffff000), undefined);
  assert.deepEqual(mapOf(imageAt(0xfffff000, [listed])).pieces(0xfffff000), []);
  assert.equal(mapOf(imageAt(0x7ffff000)).functionAt(0x7ffff000), 0x7ffff000);
});

test('the pieces of a function begin with its entry, whatever the order of their addresses', () => {
  const piece = (beginRva: number, endRva: number) => ({ beginRva, endRva, functionRva: 0x1040 });
  const { pieces, functionAt } = mapOf(imageAt(0x1000, [piece(0x1010, 0x1020), piece(0x1040, 0x1050)]));
  assert.deepEqual(
    pieces(0x1040).map(({ beginRva, endRva }) => [beginRva, endRva]),
    [
      [0x1040, 0x1050],
      [0x1010, 0x1020],
    ],
  );
  assert.equal(functionAt(0x1018), 0x1040);
});

test('a function whose entry is not listed still has its chained pieces', () => {
  const range = { beginRva: 0x1010, endRva: 0x1020, functionRva: 0x1060 };
  const [only] = mapOf(imageAt(0x1000, [range])).pieces(0x1060);
  assert.equal(only.beginRva, 0x1010);
});

test('an unlisted function ends where a listed one begins', () => {
  const listed = { beginRva: 0x1080, endRva: 0x1090, functionRva: 0x1080 };
  const [only] = mapOf(imageAt(0x1000, [listed])).pieces(0x1000);
  assert.ok(only.endRva <= 0x1080);
});

test('a function that only a tail jump reaches begins behind a return where registers are saved', () => {
  const bytes = new Uint8Array(0x60).fill(0x90);
  bytes.set([0x53, 0x5b, 0xe9, 0x2b, 0, 0, 0]); // push ebx; pop ebx; jmp 1032
  bytes.set([0x55, 0x8b, 0xec, 0x5d, 0xe9, 0x01, 0, 0, 0, 0xc3, 0x53, 0x5b, 0xc3], 0x10); // its own jump goes to 101a
  bytes.set([0x5d, 0xc3, 0x53, 0x5b, 0xc3], 0x30);
  const code = { name: '.text', rva: 0x1000, virtualSize: 0x60, bytes, executable: true, writable: false };
  const image = { ...smallImage({ arch: 'x86', sections: [code] }), entryPointRva: 0x1000 };
  const { functionAt } = mapOf(image);
  assert.equal(functionAt(0x1032), 0x1032);
  assert.equal(functionAt(0x101a), 0x1010, 'only what lies beyond another start jumps there');
});
