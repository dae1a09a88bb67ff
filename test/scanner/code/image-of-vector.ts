/** Reads the image of a test vector: `1000:41b8... 1040~c3 3000:47...`, RVAs and bytes in hex. */
import type { DriverImage, FunctionRange } from '../../../scanner/pe/image-facts.ts';
import { GUARD_CHECK_RVA, GUARD_DISPATCH_RVA, section, smallImage } from './small-image.ts';

const CODE_RVA = 0x1000;
const CONST_RVA = 0x2000;
const DATA_RVA = 0x3000;
const SECTION_BYTES = 0x1000;

/**
 * Code stands below 2000, constants (import slots first) below 3000, variables behind. `:` begins a function that .pdata
 * lists, `~` code that it does not, `<RVA:` (before the bytes) a part that belongs to the function at RVA.
 */
export function imageOfVector(arch: DriverImage['arch'], image: string): DriverImage {
  const code = new Uint8Array(SECTION_BYTES).fill(0xcc);
  const constants = new Uint8Array(SECTION_BYTES);
  const data = new Uint8Array(SECTION_BYTES);
  const functionRanges: FunctionRange[] = [];
  let codeEnd = 0;
  for (const part of image.split(' ')) {
    const match = /^([0-9a-f]{4})(?:<([0-9a-f]{4}))?([:~])((?:[0-9a-f]{2})+)$/.exec(part);
    if (match === null) throw new Error(`${part} is no part of an image: expected RVA, ":" or "~", bytes.`);
    const [, at, owner, sign, hex] = match;
    const rva = Number.parseInt(at, 16);
    const bytes = Buffer.from(hex, 'hex');
    if (rva >= DATA_RVA) data.set(bytes, rva - DATA_RVA);
    else if (rva >= CONST_RVA) constants.set(bytes, rva - CONST_RVA);
    else {
      code.set(bytes, rva - CODE_RVA);
      codeEnd = Math.max(codeEnd, rva - CODE_RVA + bytes.length);
      const functionRva = owner === undefined ? rva : Number.parseInt(owner, 16);
      if (sign === ':') functionRanges.push({ beginRva: rva, endRva: rva + bytes.length, functionRva });
    }
  }
  return smallImage({
    arch,
    sections: [
      section('.text', CODE_RVA, code.subarray(0, codeEnd), { executable: true }),
      section('.rdata', CONST_RVA, constants),
      section('.data', DATA_RVA, data, { writable: true }),
    ],
    functionRanges: functionRanges.sort((a, b) => a.beginRva - b.beginRva),
    guardSlots: { check: GUARD_CHECK_RVA, dispatch: GUARD_DISPATCH_RVA, xfgCheck: null, xfgDispatch: null },
  });
}
