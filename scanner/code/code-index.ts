/**
 * One pass over every executable section that notes who calls whom and who refers to which address. It reads raw bytes
 * at every position, so what it finds are candidates: decoding the function that holds them decides.
 */
import type { DriverImage } from '../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { ReferenceTable } from './reference-table.ts';

/** Candidates of one image. All addresses are RVAs. */
export interface CodeIndex {
  /** Calls and jumps (E8 and E9, BL and B) that lead to this address. */
  callersOf(targetRva: number): number[];
  /** Every address that a call leads to, ascending, without doubles. */
  callTargets(): Uint32Array;
  /** Instructions (or bytes inside them) that name this address as data: loads, stores, `lea`, indirect calls. */
  referencesTo(rva: number): number[];
  /** Every address that code names as data, ascending, without doubles. */
  referencedAddresses(): Uint32Array;
  /** The lowest address from `rva` on that code names, below `limitRva`; else `limitRva`. */
  nextReference(rva: number, limitRva: number): number;
}

/** The index over its two tables. */
export function codeIndex(calls: ReferenceTable, jumps: ReferenceTable, data: ReferenceTable): CodeIndex {
  return {
    callersOf: target => [...calls.sitesOf(target), ...jumps.sitesOf(target)],
    callTargets: () => calls.targets(),
    referencesTo: rva => data.sitesOf(rva),
    referencedAddresses: () => data.targets(),
    nextReference: (rva, limitRva) => data.nextTarget(rva, limitRva),
  };
}

/** Scans x86 and x64 code. */
export function indexX86Code(image: DriverImage): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const codeBytes = code.reduce((sum, section) => sum + section.bytes.length, 0);
  const lowRva = code.length === 0 ? 0 : code[0].rva;
  const highRva = code.reduce((high, section) => Math.max(high, section.rva + section.bytes.length), lowRva);
  const imageEnd = image.sections.reduce(
    (high, { rva, virtualSize }) => Math.max(high, rva + virtualSize),
    highRva,
  );
  const calls = new ReferenceTable(codeBytes);
  const jumps = new ReferenceTable(codeBytes >>> 2);
  const data = new ReferenceTable(codeBytes);
  const isRelative = image.arch === 'x64';
  for (const { bytes, rva } of code) {
    let value = (bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24);
    for (let p = 0; p + 4 <= bytes.length; p++) {
      value = (value >>> 8) | (bytes[p + 3] << 24);
      const target = (value + rva + p + 4) | 0;
      if (target < 0 || target >= imageEnd || p === 0) continue;
      const before = bytes[p - 1];
      if ((before & 0xfe) === 0xe8) {
        if (target >= lowRva && target < highRva) (before === 0xe8 ? calls : jumps).add(target, rva + p - 1);
      } else if (isRelative && (before & 0xc7) === 0x05) {
        data.add(target, rva + p); // ModRM with mod 0 and rm 5: relative to the instruction pointer
      }
    }
  }
  if (!isRelative) addAbsolute(image, data, imageEnd);
  return codeIndex(calls, jumps, data);
}

/** On x86 the loader's relocations name every address in code; without them every four bytes may be one. */
function addAbsolute(image: DriverImage, data: ReferenceTable, imageEnd: number): void {
  const base = image.imageBase | 0;
  for (const { bytes, rva, executable } of image.sections) {
    if (!executable) continue;
    const relocations = image.relocations.length > 0 ? image.relocations : everyPosition(rva, bytes.length);
    for (const at of relocations) {
      const offset = at - rva;
      if (offset < 0 || offset + 4 > bytes.length) continue;
      const target = (readInt32(bytes, offset) - base) | 0;
      if (target > 0 && target < imageEnd) data.add(target, at);
    }
  }
}

function* everyPosition(rva: number, length: number): Generator<number> {
  for (let offset = 0; offset < length; offset++) yield rva + offset;
}
