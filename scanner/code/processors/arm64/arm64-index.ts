/** The index of an ARM64 image: BL and B by target, and the instructions that name an address by adrp. */
import type { DriverImage, Section } from '../../../pe/image-facts.ts';
import { type CodeIndex, codeIndex } from '../../bytes/code-index.ts';
import { readInt32 } from '../../bytes/little-endian.ts';
import { ReferenceTable } from '../../bytes/reference-table.ts';

/** x0 to x17 hold nothing that is known after a call. */
const VOLATILE_REGISTERS = 18;

/** Other arithmetic, moves and loads: what they write is no address that is known here. */
function writesGeneral(word: number): boolean {
  const group = (word >>> 25) & 15;
  const isArithmetic = group === 0b1001 || group === 0b0101 || group === 0b1101 || group === 0b1000;
  const isGeneralMemory = (group & 0b0101) === 0b0100 && (word & 0x04000000) === 0;
  return isArithmetic || (isGeneralMemory && (word & 0x00400000) !== 0);
}

/** Scans ARM64 code. */
export function indexArm64Code(image: DriverImage): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const codeBytes = code.reduce((sum, section) => sum + section.bytes.length, 0);
  const calls = new ReferenceTable(codeBytes);
  const jumps = new ReferenceTable(codeBytes);
  const data = new ReferenceTable(codeBytes);
  for (const section of code) noteReferences(section, { calls, jumps, data });
  return codeIndex(calls, jumps, data);
}

/** A function of its own for the loop, as in code-index.ts. */
function noteReferences(
  { bytes, rva: sectionRva }: Section,
  { calls, jumps, data }: { calls: ReferenceTable; jumps: ReferenceTable; data: ReferenceTable },
): void {
  // The last address that adrp (and add) put into each register: what a compiler reads memory through.
  const address = new Int32Array(32);
  for (let p = 0; p + 4 <= bytes.length; p += 4) {
    const word = readInt32(bytes, p);
    const rva = sectionRva + p;
    const base = (word >>> 5) & 31;
    if ((word & 0x7c000000) === 0x14000000) {
      (word < 0 ? calls : jumps).add((rva + ((word << 6) >> 4)) | 0, rva);
      if (word < 0) address.fill(0, 0, VOLATILE_REGISTERS);
    } else if ((word & 0xff9ffc1f) >>> 0 === 0xd61f0000) {
      address.fill(0, 0, VOLATILE_REGISTERS); // br, blr, ret
    } else if ((word & 0x9f000000) >>> 0 === 0x90000000) {
      const pages = ((((word >> 5) << 13) >> 11) & ~3) | ((word >>> 29) & 3);
      address[word & 31] = ((rva & ~0xfff) + (pages << 12)) | 0;
    } else if ((word & 0x9f000000) === 0x10000000) {
      data.add((rva + ((((word >> 5) << 13) >> 11) & ~3)) | ((word >>> 29) & 3), rva); // adr
    } else if ((word & 0xffc00000) >>> 0 === 0x91000000) {
      address[word & 31] = (address[base] + ((word >>> 10) & 0xfff)) | 0;
      data.add(address[word & 31], rva);
    } else if ((word & 0x3b000000) === 0x39000000 && address[base] !== 0) {
      const isOf16Bytes = (word & 0x04800000) === 0x04800000; // ldr q0
      const sizeLog2 = isOf16Bytes ? 4 : word >>> 30;
      data.add((address[base] + (((word >>> 10) & 0xfff) << sizeLog2)) | 0, rva); // ldr, str
      const isGeneralLoad = (word & 0x04000000) === 0 && (word & 0x00c00000) !== 0;
      if (isGeneralLoad) address[word & 31] = 0;
    } else if (writesGeneral(word)) address[word & 31] = 0;
  }
}
