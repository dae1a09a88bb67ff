/** A DriverImage made of a few bytes of code, for tests of the analysis alone. */
import type { DriverImage } from '../../../scanner/pe/image-facts.ts';
import { section, smallImage } from './small-image.ts';

const CODE_RVA = 0x1000;
const SLOT_RVA = 0x2000;

/** `code` at RVA 1000, the import slot of ExAllocatePoolWithTag at 2000, constants behind it. */
export function codeImage(arch: 'x86' | 'x64', code: Uint8Array): DriverImage {
  const text = new Uint8Array(0x200).fill(0xcc);
  text.set(code);
  text.set([0xc3], 0x100);
  text.set([0xc2, 0x08, 0x00], 0x110);
  const data = new Uint8Array(0x100);
  data.set(new TextEncoder().encode('Glob'), 0x10);
  data.set(new TextEncoder().encode('XmmC'), 0x28);
  data.set(new TextEncoder().encode('A string of words'), 0x30);
  return smallImage({
    arch,
    sections: [section('.text', CODE_RVA, text, { executable: true }), section('.rdata', SLOT_RVA, data)],
    imports: new Map([[SLOT_RVA, 'ExAllocatePoolWithTag']]),
    functionRanges: [{ beginRva: CODE_RVA, endRva: firstEnd(code), functionRva: CODE_RVA }],
  });
}

/** Vectors with two functions keep the second at offset 40 hex, behind int3 padding. */
function firstEnd(code: Uint8Array): number {
  return CODE_RVA + (code.length > 0x40 && code[0x3f] === 0xcc ? 0x40 : code.length);
}
