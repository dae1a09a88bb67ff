/** ARM64 arithmetic on registers, selects, and moves between general and vector registers. */
import { Alu, Condition, NONE, Op, type OperationList, SCRATCH, VECTOR0 } from '../operations.ts';
import { CONDITIONS } from './conditions.ts';
import { binary, kill, moveRegister } from './emit.ts';

const WORD_BITS = 32;

/** Arithmetic on registers, selects. */
export function registerForms(word: number, rva: number, out: OperationList): void {
  const dst = word & 31;
  const left = (word >>> 5) & 31;
  const right = (word >>> 16) & 31;
  const size = word >>> 31 === 1 ? 8 : 4;
  const operation = (word >>> 29) & 3;
  if (((word >>> 28) & 1) === 0) {
    const shiftBy = (word >>> 10) & 63;
    const isPlain = shiftBy === 0 && ((word >>> 22) & 3) === 0;
    const isInverted = ((word >>> 21) & 1) === 1;
    if (((word >>> 24) & 31) === 0b01010) {
      if (dst === 31) return void out.add(Op.nothing, rva);
      if (!isPlain) {
        // orr w, w, w, lsl #24: how a character is put into a tag; orr x, x, x, lsl #32: how two fields share a register.
        const isLeft =
          ((word >>> 22) & 3) === 0 && (shiftBy < WORD_BITS || (shiftBy === WORD_BITS && size === 8));
        if (!isLeft || isInverted || left === 31 || right === 31) return kill(dst, rva, out);
        out.low[binary(Alu.shiftLeft, SCRATCH, right, size, rva, out)] = shiftBy;
        const alu = operation === 1 ? Alu.or : operation === 2 ? Alu.xor : Alu.and;
        out.source[binary(alu, dst, left, size, rva, out)] = SCRATCH;
        return;
      }
      if (operation === 1 && left === 31) {
        if (!isInverted) return moveRegister(dst, right, size, rva, out);
        const i = out.add(Op.invert, rva); // mvn
        out.dst[i] = dst;
        out.source[i] = right;
        out.size[i] = size;
        return;
      }
      if (isInverted || left === 31 || right === 31) return kill(dst, rva, out);
      const i = binary(
        operation === 1 ? Alu.or : operation === 2 ? Alu.xor : Alu.and,
        dst,
        left,
        size,
        rva,
        out,
      );
      out.source[i] = right;
      return;
    }
    if (((word >>> 24) & 31) === 0b01011) {
      if (dst === 31 && (isInverted ? (operation & 1) === 1 : true)) {
        const isCompare = operation === 3 && isPlain && left !== 31 && right !== 31;
        const compared = out.add(isCompare ? Op.compare : Op.nothing, rva);
        out.left[compared] = left;
        out.source[compared] = right;
        out.size[compared] = size;
        return;
      }
      // lsl #n, and extended registers (with isInverted's bit), stand in address arithmetic; other shifts are not followed.
      const isLeftShift = isInverted || ((word >>> 22) & 3) === 0;
      const shift = isInverted ? (word >>> 10) & 7 : (word >>> 10) & 63;
      if (!isLeftShift || right === 31 || shift >= WORD_BITS) return kill(dst, rva, out);
      if (shift > 0) {
        if (left === 31 && !isInverted) return kill(dst, rva, out);
        if (left === right && (operation & 2) === 0) {
          // One number three, five or nine times: the index of a structure of 12 bytes, or of 24.
          out.low[binary(Alu.multiply, dst, left, size, rva, out)] = 1 + 2 ** shift;
          return;
        }
        const scaled = binary(Alu.shiftLeft, SCRATCH, right, size, rva, out);
        out.low[scaled] = shift;
        const sum = binary((operation & 2) === 2 ? Alu.subtract : Alu.add, dst, left, size, rva, out);
        out.source[sum] = SCRATCH;
        return;
      }
      if (left === 31 && !isInverted) {
        if ((operation & 2) === 0) return moveRegister(dst, right, size, rva, out);
        const i = out.add(Op.negate, rva);
        out.dst[i] = dst;
        out.source[i] = right;
        out.size[i] = size;
        return;
      }
      const i = binary((operation & 2) === 2 ? Alu.subtract : Alu.add, dst, left, size, rva, out);
      out.source[i] = right;
      return;
    }
    return kill(dst, rva, out);
  }
  if (((word >>> 21) & 255) === 0b11010100) return conditionalSelect(word, dst, left, right, size, rva, out);
  if ((word & 0xfffffc00) >>> 0 === 0x5ac00800 && dst !== 31 && left !== 31) {
    const i = out.add(Op.byteSwap, rva); // rev w
    out.dst[i] = dst;
    out.source[i] = left;
    out.size[i] = 4;
    return;
  }
  if (((word >>> 21) & 255) === 0b11010010) return void out.add(Op.nothing, rva); // ccmp
  if (((word >>> 24) & 31) === 0b11011 && ((word >>> 15) & 1) === 0 && dst !== 31) {
    const kind = (word >>> 21) & 7;
    const isMultiplyAdd = kind === 0 || kind === 1 || kind === 5; // madd, smaddl, umaddl
    if (isMultiplyAdd) return multiplyAdd(word, dst, left, right, size, rva, out);
  }
  kill(dst, rva, out);
}

/** dst = addend + left * right: how an element of an array of structures is addressed. */
function multiplyAdd(
  word: number,
  dst: number,
  left: number,
  right: number,
  size: number,
  rva: number,
  out: OperationList,
): void {
  const addend = (word >>> 10) & 31;
  const product = binary(Alu.multiply, addend === 31 ? dst : SCRATCH, left, size, rva, out);
  out.source[product] = right;
  if (addend === 31) return;
  const sum = binary(Alu.add, dst, addend, size, rva, out);
  out.source[sum] = SCRATCH;
}

function conditionalSelect(
  word: number,
  dst: number,
  left: number,
  right: number,
  size: number,
  rva: number,
  out: OperationList,
): void {
  const isIncrement = ((word >>> 10) & 3) === 1 && ((word >>> 30) & 1) === 0;
  const isPlain = ((word >>> 10) & 3) === 0 && ((word >>> 30) & 1) === 0;
  const isInvert = ((word >>> 10) & 3) === 0 && ((word >>> 30) & 1) === 1;
  if (dst === 31) return void out.add(Op.nothing, rva);
  if (left === 31 && right === 31 && (isIncrement || isInvert)) {
    const i = out.add(Op.flag, rva); // cset, csetm
    out.dst[i] = dst;
    out.size[i] = size;
    if (isInvert) {
      const j = out.add(Op.negate, rva);
      out.dst[j] = dst;
      out.source[j] = dst;
      out.size[j] = size;
    }
    return;
  }
  let other = right;
  if (!isPlain) {
    // csinc, csinv, csneg: the second value is changed first.
    other = SCRATCH;
    if (right === 31) {
      const changed = out.add(Op.move, rva); // zero, changed
      out.dst[changed] = SCRATCH;
      out.low[changed] = isIncrement ? 1 : isInvert ? -1 : 0;
      if (isInvert) out.high[changed] = -1;
      out.size[changed] = size;
    } else if (isIncrement) out.low[binary(Alu.add, SCRATCH, right, size, rva, out)] = 1;
    else {
      const changed = out.add(isInvert ? Op.invert : Op.negate, rva);
      out.dst[changed] = SCRATCH;
      out.source[changed] = right;
      out.size[changed] = size;
    }
  }
  const i = out.add(Op.select, rva);
  out.dst[i] = dst;
  out.left[i] = other === 31 ? NONE : other;
  out.source[i] = left === 31 ? NONE : left;
  out.alu[i] = CONDITIONS[(word >>> 12) & 15];
  out.size[i] = size;
}

/** Moves of vector registers, to and from general ones and of zero, and choices between two; every other vector instruction loses its target. */
export function vectorForms(word: number, rva: number, out: OperationList): void {
  const target = word & 31;
  const source = (word >>> 5) & 31;
  const isToVector = (word & 0x7f3ffc00) === 0x1e270000;
  const isToGeneral = (word & 0x7f3ffc00) === 0x1e260000;
  if (isToVector || isToGeneral) {
    const size = word >>> 31 === 1 ? 8 : 4;
    if (isToVector) moveRegister(VECTOR0 + target, source, size, rva, out);
    else {
      const i = out.add(Op.move, rva);
      out.dst[i] = target;
      out.source[i] = VECTOR0 + source;
      out.size[i] = size;
    }
    return;
  }
  if ((word & 0xbff8fc00) >>> 0 === 0x0f00e400 || (word & 0xfff8fc00) >>> 0 === 0x6f00e400) {
    const isZero = (word & 0x000703e0) === 0;
    const i = out.add(isZero ? Op.move : Op.kill, rva); // movi #0
    out.dst[i] = VECTOR0 + target;
    out.size[i] = 16;
    return;
  }
  if ((word & 0xffe0fc00) >>> 0 === 0x4e001c00) {
    const lanes = (word >>> 16) & 31; // ins Vd.T[i], Rn
    const size = (lanes & 7) === 4 ? 4 : (lanes & 15) === 8 ? 8 : 0;
    if (size !== 0) {
      const i = out.add(Op.insert, rva);
      out.dst[i] = VECTOR0 + target;
      if (source !== 31) out.source[i] = source;
      out.high[i] = (size === 4 ? lanes >>> 3 : lanes >>> 4) * size;
      out.size[i] = size;
      return;
    }
  }
  const other = (word >>> 16) & 31;
  const isMoved = (word & 0xbfe0fc00) >>> 0 === 0x0ea01c00 && source === other; // mov Vd.T, Vn.T: orr of one register
  if (isMoved || (word & 0xffbffc00) >>> 0 === 0x1e204000) {
    moveRegister(VECTOR0 + target, VECTOR0 + source, isMoved ? 16 : 8, rva, out); // fmov Dd, Dn
    return;
  }
  const choice = chosenBetween(word, target, source, other);
  if (choice !== undefined) {
    const i = out.add(Op.select, rva);
    out.dst[i] = VECTOR0 + target;
    out.source[i] = VECTOR0 + choice.one;
    out.left[i] = VECTOR0 + choice.other;
    out.alu[i] = Condition.other;
    out.size[i] = 16;
    return;
  }
  const writesGeneral = (word & 0x5f20fc00) === 0x1e200000 || (word & 0xbfe0fc00) >>> 0 === 0x0e003c00;
  out.dst[out.add(Op.kill, rva)] = writesGeneral ? target : VECTOR0 + target;
}

/** The vector registers that a conditional select, or one by a mask, chooses between. */
function chosenBetween(
  word: number,
  target: number,
  source: number,
  other: number,
): { one: number; other: number } | undefined {
  if ((word & 0xff200c00) >>> 0 === 0x1e200c00) return { one: source, other }; // fcsel
  switch ((word & 0xbfe0fc00) >>> 0) {
    case 0x2e601c00: // bsl: the mask stands in the target
      return { one: source, other };
    case 0x2ea01c00: // bit and bif: what the mask leaves alone stays
    case 0x2ee01c00:
      return { one: source, other: target };
  }
  return undefined;
}
