/** Numbers that code compares others with: what an object is checked by is its signature, though it may read like a tag. */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { operandLength } from './operand-length.ts';
import { looksLikeTag } from './tag-characters.ts';

/** Honest drivers check a few dozen signatures. */
const MAX_NUMBERS = 5_000;
/** Instructions of ARM64 between the making of a number and the compare. */
const MAX_TO_COMPARE = 16;
/** The same where the number waits, across calls, in a register that these leave alone. */
const MAX_TO_COMPARE_KEPT = 256;
/** x19 to x28. */
const FIRST_KEPT = 19;
const LAST_KEPT = 28;

/**
 * Those of them that read like a tag, whatever they are compared with. Raw bytes are read at every position: a number may be
 * among them by chance, so this is for dropping guesses, and proves nothing.
 */
export function comparedNumbers(image: DriverImage): ReadonlySet<number> {
  const found = new Set<number>();
  const addFrom = image.arch === 'arm64' ? addArm64 : addX86;
  for (const section of image.sections) if (section.executable) addFrom(section, found);
  return found;
}

function note(found: Set<number>, value: number): void {
  if (found.size < MAX_NUMBERS && looksLikeTag(value)) found.add(value >>> 0);
}

/** `cmp eax, imm32` has the number behind its opcode, `81 /7` behind its operand. */
function addX86({ bytes }: Section, found: Set<number>): void {
  for (let at = bytes.indexOf(0x3d); at >= 0 && at + 5 <= bytes.length; at = bytes.indexOf(0x3d, at + 1))
    note(found, readInt32(bytes, at + 1));
  for (let at = bytes.indexOf(0x81); at >= 0 && at + 6 <= bytes.length; at = bytes.indexOf(0x81, at + 1)) {
    if ((bytes[at + 1] & 0x38) !== 0x38) continue;
    const p = at + 1 + operandLength(bytes, at + 1);
    if (p + 4 <= bytes.length) note(found, readInt32(bytes, p));
  }
}

/** `movz` and `movk` make the number in a register, with which `cmp` or `ccmp` compares. */
function addArm64({ bytes }: Section, found: Set<number>): void {
  const numbers = new Int32Array(32);
  const longAgo = -MAX_TO_COMPARE_KEPT * 4 - 4;
  const madeAt = new Int32Array(32).fill(longAgo);
  for (let p = 0; p + 4 <= bytes.length; p += 4) {
    const word = readInt32(bytes, p);
    const half = (word >>> 5) & 0xffff;
    if ((word & 0x7fe00000) === 0x52800000) {
      numbers[word & 31] = half;
      madeAt[word & 31] = p;
    } else if ((word & 0x7fe00000) === 0x72a00000) {
      numbers[word & 31] = (numbers[word & 31] & 0xffff) | (half << 16);
    } else if ((word & 0x7fe0fc00) === 0x6b000000 || (word & 0x7fe00c10) === 0x7a400000) {
      // Without optimisation the difference is kept, too (subs).
      for (const register of [(word >>> 5) & 31, (word >>> 16) & 31])
        if (p - madeAt[register] <= farthest(register) * 4) note(found, numbers[register]);
    } else if (isKept(word & 31) && mayWrite(word)) {
      madeAt[word & 31] = longAgo;
    }
  }
}

function isKept(register: number): boolean {
  return register >= FIRST_KEPT && register <= LAST_KEPT;
}

function farthest(register: number): number {
  return isKept(register) ? MAX_TO_COMPARE_KEPT : MAX_TO_COMPARE;
}

/** Whether the register in an instruction's lowest bits may be written: a store and a branch read it. */
function mayWrite(word: number): boolean {
  const isBranch = (word & 0x1c000000) === 0x14000000;
  const isStore = (word & 0x0ac00000) === 0x08000000;
  return !isBranch && !isStore;
}
