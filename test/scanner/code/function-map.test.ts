import assert from 'node:assert/strict';
import test from 'node:test';
import { indexX86Code } from '../../../scanner/code/bytes/code-index.ts';
import { mapFunctions } from '../../../scanner/code/functions/function-map.ts';
import type { DriverImage, FunctionRange } from '../../../scanner/pe/image-facts.ts';
import { codeImage } from './code-image.ts';
import { section, smallImage } from './small-image.ts';

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

test('a jump to another section leads to a function, since all of one is paged out together', () => {
  const text = new Uint8Array(0x40).fill(0x90);
  text.set([0x31, 0xc0, 0x74, 5, 0xe9, 0xfb, 0x2f, 0, 0, 0xe9, 0x16, 0, 0, 0]); // xor eax, eax; je 1009; jmp 4004; jmp 1024
  text.set([0x31, 0xc0, 0x90, 0xc3, 0x85, 0xc0, 0xc3], 0x20); // xor eax, eax; nop; ret; test eax, eax; ret
  const page = text.slice(0x20);
  const sections = [
    section('.text', 0x1000, text, { executable: true }),
    section('PAGE', 0x4000, page, { executable: true }),
  ];
  const { functionAt } = mapOf({ ...smallImage({ arch: 'x86', sections }), entryPointRva: 0x1000 });
  assert.equal(functionAt(0x4004), 0x4004);
  assert.notEqual(functionAt(0x1024), 0x1024, 'within a section it may be a part of the function that jumps');
});

/** `bytes` at RVA 1000 of an x86 image that begins there. */
function x86Map(...bytes: number[]) {
  const text = section('.text', 0x1000, Uint8Array.from(bytes), { executable: true });
  return mapOf({ ...smallImage({ arch: 'x86', sections: [text] }), entryPointRva: 0x1000 });
}

test('the number in an instruction with [ebp-18h] is no call, and what follows it no function', () => {
  // mov [ebp-18h], 0; mov [ebp-18h], 5; nop; ret
  const { functionAt } = x86Map(0xc7, 0x45, 0xe8, 0, 0, 0, 0, 0xc7, 0x45, 0xe8, 5, 0, 0, 0, 0x90, 0xc3, 0x90);
  assert.deepEqual(
    [0x1007, 0x100e, 0x1010].map(rva => functionAt(rva)),
    [0x1000, 0x1000, 0x1000],
  );
});

test('a call behind a tag that ends like such an instruction is one', () => {
  // mov eax, 'mklS'; call 1010
  const bytes = [
    0xb8, 0x53, 0x6c, 0x6b, 0x6d, 0xe8, 6, 0, 0, 0, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0x40, 0xc3,
  ];
  assert.equal(x86Map(...bytes).functionAt(0x1010), 0x1010);
});

test('a call of what comes next begins no function', () => {
  const { functionAt } = x86Map(0xb8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x58, 0xc3); // mov eax, 0; call $+5; pop eax; ret
  assert.equal(functionAt(0x100a), 0x1000);
});

test('a jump through a slot is a thunk whatever stands before it', () => {
  const { thunkSlot } = x86Map(0xc3, 0xff, 0x25, 0x50, 0x20, 0x40, 0, 0xff, 0x15, 0x50, 0x20, 0x40, 0);
  assert.equal(thunkSlot(0x1001), 0x2050);
  assert.equal(thunkSlot(0x1007), undefined, 'a call');
});

test('a function that only a tail jump reaches begins behind int3, too', () => {
  const bytes = new Array<number>(0x50).fill(0xcc);
  bytes.splice(0, 5, 0xe9, 0x3c, 0, 0, 0); // jmp 1041
  bytes.splice(0x20, 3, 0x55, 0x8b, 0xec); // push ebp; mov ebp, esp: another function
  bytes.splice(0x23, 2, 0x5d, 0xc3);
  bytes.splice(0x3b, 1, 0xc3);
  bytes.splice(0x41, 5, 0x8b, 0xff, 0x56, 0x5e, 0xc3); // mov edi, edi; push esi; pop esi; ret
  assert.equal(x86Map(...bytes).functionAt(0x1041), 0x1041);
});

test('every jump of a row is a function, also one that only jumps reach', () => {
  const bytes = new Array<number>(0x60).fill(0x90);
  bytes.splice(0, 15, 0xe9, 0x1b, 0, 0, 0, 0xe9, 0x26, 0, 0, 0, 0xe9, 0x31, 0, 0, 0); // jmp 1020; jmp 1030; jmp 1040
  for (const at of [0x20, 0x30, 0x40]) bytes[at] = 0xc3;
  const { functionAt } = x86Map(...bytes);
  assert.deepEqual(
    [0x1000, 0x1005, 0x100a, 0x1030].map(rva => functionAt(rva)),
    [0x1000, 0x1005, 0x100a, 0x1030],
  );
});

test('what is exported by number alone begins a function, behind the padding of one that nothing calls either', () => {
  const code = Uint8Array.from([0xa1, 0, 0x30, 0x40, 0, 0xc3, 0x90, 0x90, 0xa1, 4, 0x30, 0x40, 0, 0xc3]);
  const image = codeImage('x86', code);
  const second = image.entryPointRva + 8;
  assert.equal(mapOf(image).functionAt(second), image.entryPointRva);
  assert.equal(mapOf({ ...image, exports: [{ name: null, rva: second }] }).functionAt(second), second);
});
