/** The address that a load or an addition makes of a page that an adrp before it gave: ARM64 needs two for each address. */
import { bits, signed } from './operands.ts';

/** Compilers put other work between the two, but seldom more than this. */
const MAX_DISTANCE = 16;
const PAGE = 0x1000;

/**
 * The RVA that `ldr x8,[x9,#0x40]` or `add x8,x9,#0x40` refers to; undefined where the instructions in front, read in a
 * row, do not show what the base register holds.
 */
export function pageAddress(
  word: number,
  rva: number,
  wordAt: (rva: number) => number | undefined,
): number | undefined {
  const offset = offsetOf(word);
  if (offset === undefined) return undefined;
  const base = bits(word, 9, 5);
  for (let back = 1; back <= MAX_DISTANCE; back++) {
    const at = rva - 4 * back;
    const before = wordAt(at);
    if (before === undefined || isBranch(before)) return undefined;
    if ((before & 31) !== base) continue;
    // Whatever else names the register first may have written it.
    if ((before & 0x9f000000) >>> 0 !== 0x90000000) return undefined;
    const pages = signed((bits(before, 23, 5) << 2) | bits(before, 30, 29), 21);
    const address = at - (at % PAGE) + pages * PAGE + offset;
    return address >= 0 ? address : undefined;
  }
  return undefined;
}

/** Of a 64-bit load with an offset, or of an addition. */
function offsetOf(word: number): number | undefined {
  if (word >>> 22 === 0b1111100101) return bits(word, 21, 10) * 8;
  if (word >>> 22 === 0b1001000100) return bits(word, 21, 10);
  return undefined;
}

function isBranch(word: number): boolean {
  return bits(word, 28, 26) === 0b101;
}
