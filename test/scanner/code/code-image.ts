/** A DriverImage made of a few bytes of code, for tests of the analysis alone. */
import type { DriverImage, Section } from '../../../scanner/pe/image-facts.ts';

const CODE_RVA = 0x1000;
const SLOT_RVA = 0x2000;
const IMAGE_BASE = 0x400000;

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
  const sections: Section[] = [
    {
      name: '.text',
      rva: CODE_RVA,
      virtualSize: text.length,
      bytes: text,
      executable: true,
      writable: false,
    },
    {
      name: '.rdata',
      rva: SLOT_RVA,
      virtualSize: data.length,
      bytes: data,
      executable: false,
      writable: false,
    },
  ];
  const sectionAt = (rva: number) => sections.find(s => rva >= s.rva && rva < s.rva + s.virtualSize);
  const u32At = (rva: number) => {
    const section = sectionAt(rva);
    if (section === undefined || rva + 4 > section.rva + section.bytes.length) return undefined;
    return new DataView(section.bytes.buffer).getUint32(rva - section.rva, true);
  };
  return {
    arch,
    pointerSize: arch === 'x86' ? 4 : 8,
    imageBase: IMAGE_BASE,
    sizeOfImage: 0x3000,
    entryPointRva: CODE_RVA,
    timestamp: 0,
    sections,
    imports: [
      {
        dll: 'ntoskrnl.exe',
        name: 'ExAllocatePoolWithTag',
        ordinal: null,
        slotRva: SLOT_RVA,
        delayed: false,
      },
    ],
    exports: [],
    functionRanges:
      arch === 'x64' ? [{ beginRva: CODE_RVA, endRva: firstEnd(code), functionRva: CODE_RVA }] : [],
    relocations: arch === 'x86' ? relocationsIn(text) : new Uint32Array(0),
    guardSlots: { check: null, dispatch: null, xfgCheck: null, xfgDispatch: null },
    version: { company: null, product: null, description: null, version: null, originalName: null },
    pdbName: null,
    pdbId: null,
    isReproducible: false,
    reproHash: null,
    hybrid: null,
    certificates: null,
    remarks: [],
    sectionAt,
    u32At,
    pointerAt: rva => {
      const value = u32At(rva);
      return value === undefined || value < IMAGE_BASE || value > IMAGE_BASE + 0x3000
        ? undefined
        : value - IMAGE_BASE;
    },
  };
}

/** Vectors with two functions keep the second at offset 40 hex, behind int3 padding. */
function firstEnd(code: Uint8Array): number {
  return CODE_RVA + (code.length > 0x40 && code[0x3f] === 0xcc ? 0x40 : code.length);
}

/** Every four bytes of code that read as an address of the image. */
function relocationsIn(text: Uint8Array): Uint32Array {
  const view = new DataView(text.buffer);
  const found: number[] = [];
  for (let at = 0; at + 4 <= text.length; at++) {
    const value = view.getUint32(at, true);
    if (value >= IMAGE_BASE + SLOT_RVA && value < IMAGE_BASE + 0x3000) found.push(CODE_RVA + at);
  }
  return Uint32Array.from(found);
}
