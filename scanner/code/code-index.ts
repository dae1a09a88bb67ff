/**
 * One pass over every executable section that notes who calls whom and who touches the slots of interest. It reads
 * raw bytes at every position, so what it finds are candidates: decoding the function that holds them decides.
 */
import type { DriverImage } from '../pe/image-facts.ts';
import { CallTable } from './call-table.ts';

/** Candidates of one image. All addresses are RVAs. */
export interface CodeIndex {
  /** Positions whose four bytes refer to a slot of interest (an import address, a function pointer). */
  slotReferences: number[];
  /** RVAs of the E8 and E9 instructions that lead to this address. */
  callersOf(targetRva: number): number[];
  /** Every address that an E8 leads to, ascending, without doubles. */
  callTargets(): Uint32Array;
}

/** References to slots beyond this are dropped, for the same reason. */
export const MAX_SLOT_REFERENCES = 1_000_000;

/** Scans x86 and x64 code. `slots` are the RVAs that calls go through. */
export function indexX86Code(image: DriverImage, slots: ReadonlySet<number>): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const lowRva = code.length === 0 ? 0 : code[0].rva;
  const highRva = code.reduce((high, section) => Math.max(high, section.rva + section.bytes.length), lowRva);
  const calls = new CallTable(code.reduce((sum, section) => sum + section.bytes.length, 0));
  const slotReferences: number[] = [];
  const lowSlot = Math.min(...slots);
  const highSlot = Math.max(...slots);
  // On x64 the four bytes count from their own end; on x86 they are an address.
  const isRelative = image.arch === 'x64';
  const absoluteBase = image.imageBase | 0;
  for (const section of code) {
    const { bytes, rva } = section;
    const last = bytes.length - 4;
    if (last < 0) continue;
    let value = (bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24);
    for (let p = 0; p <= last; p++) {
      value = (value >>> 8) | (bytes[p + 3] << 24);
      const target = (value + rva + p + 4) | 0;
      const slot = isRelative ? target : (value - absoluteBase) | 0;
      if (
        slot >= lowSlot &&
        slot <= highSlot &&
        slots.has(slot) &&
        slotReferences.length < MAX_SLOT_REFERENCES
      ) {
        slotReferences.push(rva + p);
      }
      if (target >= lowRva && target < highRva && p > 0) {
        const opcode = bytes[p - 1];
        if (opcode === 0xe8 || opcode === 0xe9) calls.add(target, rva + p - 1, opcode === 0xe8);
      }
    }
  }
  return { slotReferences, callersOf: target => calls.callersOf(target), callTargets: () => calls.targets() };
}
