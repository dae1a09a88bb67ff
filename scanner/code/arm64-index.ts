/** The index of an ARM64 image: BL and B by target, and the instructions that read a slot of interest. */
import type { DriverImage, Section } from '../pe/image-facts.ts';
import { CallTable } from './call-table.ts';
import { type CodeIndex, MAX_SLOT_REFERENCES } from './code-index.ts';
import { readInt32 } from './x86-decoder.ts';

/** Scans ARM64 code; `slots` are the RVAs that calls go through. */
export function indexArm64Code(image: DriverImage, slots: ReadonlySet<number>): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const lowRva = code.length === 0 ? 0 : code[0].rva;
  const highRva = code.reduce((high, section) => Math.max(high, section.rva + section.bytes.length), lowRva);
  const calls = new CallTable(code.reduce((sum, section) => sum + section.bytes.length, 0));
  const slotReferences: number[] = [];
  for (const section of code) indexSection(section, slots, calls, lowRva, highRva, slotReferences);
  return { slotReferences, callersOf: target => calls.callersOf(target), callTargets: () => calls.targets() };
}

function indexSection(
  { bytes, rva: sectionRva }: Section,
  slots: ReadonlySet<number>,
  calls: CallTable,
  lowRva: number,
  highRva: number,
  slotReferences: number[],
): void {
  // The last address that adrp (and add) put into each register: what a compiler reads a slot through.
  const address = new Int32Array(32);
  for (let p = 0; p + 4 <= bytes.length; p += 4) {
    const word = readInt32(bytes, p);
    const rva = sectionRva + p;
    if ((word & 0x7c000000) === 0x14000000) {
      const target = rva + ((word << 6) >> 4);
      if (target >= lowRva && target < highRva) calls.add(target, rva, word < 0);
    } else if ((word & 0x9f000000) >>> 0 === 0x90000000) {
      const pages = ((((word >> 5) << 13) >> 11) & ~3) | ((word >>> 29) & 3);
      address[word & 31] = ((rva & ~0xfff) + (pages << 12)) | 0;
    } else if ((word & 0xffc00000) >>> 0 === 0x91000000) {
      address[word & 31] = (address[(word >>> 5) & 31] + ((word >>> 10) & 0xfff)) | 0;
    } else if ((word & 0xffc00000) >>> 0 === 0xf9400000) {
      const slot = (address[(word >>> 5) & 31] + ((word >>> 10) & 0xfff) * 8) | 0;
      if (slots.has(slot) && slotReferences.length < MAX_SLOT_REFERENCES) slotReferences.push(rva);
    }
  }
}
