/** Four printable bytes that code loads, stores or pushes as a constant: what findstr would have found, and no proof. */
import type { DriverImage } from '../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { looksLikeTag } from './static-memory.ts';

export interface Literal {
  ulong: number;
  /** RVA of the four bytes. */
  rva: number;
}

/** More are no help to anybody; the limit keeps results small. */
const MAX_LITERALS = 500;

/** Printable constants of instructions that move or push them, each value once, in the order of their addresses. */
export function findX86Literals(image: DriverImage): Literal[] {
  const found = new Map<number, Literal>();
  for (const section of image.sections) {
    if (!section.executable) continue;
    const { bytes, rva } = section;
    let value = (bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24);
    for (let p = 0; p + 4 <= bytes.length; p++) {
      value = (value >>> 8) | (bytes[p + 3] << 24);
      if ((value & 0x80808080) !== 0 || (value & 0x60606060) === 0) continue;
      if (p === 0 || !isMovedConstant(bytes, p) || !looksLikeTag(value) || found.has(value)) continue;
      found.set(value, { ulong: value >>> 0, rva: rva + p });
      if (found.size === MAX_LITERALS) return [...found.values()];
    }
  }
  return [...found.values()];
}

/** ARM64: words of the literal pools between functions, and constants built by movz and movk. */
export function findArm64Literals(image: DriverImage): Literal[] {
  const found = new Map<number, Literal>();
  for (const section of image.sections) {
    if (!section.executable) continue;
    const { bytes, rva } = section;
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
  return [...found.values()];
}

/** Whether the bytes before `p` are the start of mov reg, imm32; push imm32; or mov [memory], imm32. */
function isMovedConstant(bytes: Uint8Array, p: number): boolean {
  const opcode = bytes[p - 1];
  if ((opcode >= 0xb8 && opcode <= 0xbf) || opcode === 0x68) return true;
  // C7 /0 with: a register or [register]; an 8-bit displacement; a SIB byte; both; a 32-bit displacement.
  for (const length of [1, 2, 3, 5, 6]) {
    const at = p - length - 1;
    if (
      at >= 0 &&
      bytes[at] === 0xc7 &&
      (bytes[at + 1] & 0x38) === 0 &&
      operandLength(bytes, at + 1) === length
    )
      return true;
  }
  return false;
}

/** Bytes of a ModRM operand in 32- and 64-bit addressing. */
function operandLength(bytes: Uint8Array, at: number): number {
  const mod = bytes[at] >> 6;
  const rm = bytes[at] & 7;
  const sib = rm === 4 && mod !== 3 ? 1 : 0;
  const displacement = mod === 1 ? 1 : mod === 2 || (mod === 0 && rm === 5) ? 4 : 0;
  return 1 + sib + displacement;
}
