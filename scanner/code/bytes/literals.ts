/** Four printable bytes that code loads, stores or pushes as a constant: what findstr would have found, and no proof. */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { operandLength } from './operand-length.ts';
import { looksLikeTag } from './tag-characters.ts';

export interface Literal {
  ulong: number;
  /** RVA of the four bytes. */
  rva: number;
}

/** More are no help to anybody; the limit keeps results small. */
const MAX_LITERALS = 500;

/** Printable constants of instructions that move or push them, each value once, in the order of their addresses. */
export function findX86Literals(image: DriverImage): Literal[] {
  return findLiterals(image, addX86Literals);
}

/** ARM64: words of the literal pools between functions, and constants built by movz and movk. */
export function findArm64Literals(image: DriverImage): Literal[] {
  return findLiterals(image, addArm64Literals);
}

/** By value. */
type Found = Map<number, Literal>;

function findLiterals(image: DriverImage, addFrom: (section: Section, found: Found) => void): Literal[] {
  const found: Found = new Map();
  for (const section of image.sections)
    if (section.executable && found.size < MAX_LITERALS) addFrom(section, found);
  return [...found.values()];
}

function addX86Literals({ bytes, rva }: Section, found: Found): void {
  for (let opcodeAt = 0; opcodeAt + 5 <= bytes.length; opcodeAt++) {
    const kind = MOVES_CONSTANT[bytes[opcodeAt]];
    if (kind === 0) continue;
    if (kind === BEHIND_OPERAND && (bytes[opcodeAt + 1] & 0x38) !== 0) continue;
    const p = opcodeAt + 1 + (kind === BEHIND_OPERAND ? operandLength(bytes, opcodeAt + 1) : 0);
    if (p + 4 > bytes.length) continue;
    const value = readInt32(bytes, p);
    if ((value & 0x80808080) !== 0 || !looksLikeTag(value)) continue;
    const known = found.get(value);
    // Constants of instructions that overlap may be met in another order than that of their addresses.
    if (known === undefined) found.set(value, { ulong: value >>> 0, rva: rva + p });
    else if (known.rva > rva + p) known.rva = rva + p;
    if (found.size === MAX_LITERALS) return;
  }
}

function addArm64Literals({ bytes, rva }: Section, found: Found): void {
  let halves = 0;
  for (let p = 0; p + 4 <= bytes.length && found.size < MAX_LITERALS; p += 4) {
    const word = readInt32(bytes, p);
    const isLowHalf = (word & 0x7fe00000) === 0x52800000;
    const isHighHalf = (word & 0x7fe00000) === 0x72a00000;
    const built = isHighHalf ? halves | (((word >>> 5) & 0xffff) << 16) : word;
    if (isLowHalf) halves = (word >>> 5) & 0xffff;
    if (!isLowHalf && looksLikeTag(built) && !found.has(built))
      found.set(built, { ulong: built >>> 0, rva: rva + p });
  }
}

const BEHIND_OPCODE = 1;
const BEHIND_OPERAND = 2;
/** By opcode: mov reg, imm32 and push imm32 have the constant behind the opcode, mov [memory], imm32 behind its operand. */
const MOVES_CONSTANT = Uint8Array.from({ length: 256 }, (_, opcode) => {
  if (opcode === 0xc7) return BEHIND_OPERAND;
  return (opcode >= 0xb8 && opcode <= 0xbf) || opcode === 0x68 ? BEHIND_OPCODE : 0;
});
