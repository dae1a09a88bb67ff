/**
 * The instruction front of ARM64: instructions are four bytes each, and only those that move constants about, compute
 * with them, call or jump are told apart. Source: Arm Architecture Reference Manual, chapter C4 (A64 encoding index).
 */
import { bitmaskImmediate } from './arm64-bitmask.ts';
import { Alu, BASE_IMAGE, Flag, NONE, Op, type OperationList, VECTOR0 } from './operations.ts';
import type { InstructionFront } from './processor.ts';
import { readInt32 } from './x86-decoder.ts';

const INSTRUCTION_BYTES = 4;

export const arm64Front: InstructionFront = {
  append(bytes, position, end, rva, out) {
    if (position + INSTRUCTION_BYTES > end || (rva & 3) !== 0) return 0;
    const first = out.count;
    appendWord(readInt32(bytes, position), rva, out);
    for (let i = first; i < out.count; i++) out.nextRva[i] = rva + INSTRUCTION_BYTES;
    return INSTRUCTION_BYTES;
  },
};

function appendWord(word: number, rva: number, out: OperationList): void {
  switch ((word >>> 25) & 15) {
    case 0b1000:
    case 0b1001:
      return immediateForms(word, rva, out);
    case 0b1010:
    case 0b1011:
      return branches(word, rva, out);
    case 0b0100:
    case 0b0110:
    case 0b1100:
    case 0b1110:
      return memoryForms(word, rva, out);
    case 0b0101:
    case 0b1101:
      return registerForms(word, rva, out);
    case 0b0111:
    case 0b1111:
      return vectorForms(word, rva, out);
    case 0b0000:
      if (word >>> 16 === 0)
        out.add(Op.stop, rva); // udf
      else out.add(Op.nothing, rva);
      return;
  }
  out.add(Op.nothing, rva);
}

function kill(register: number, rva: number, out: OperationList): void {
  if (register === 31) out.add(Op.nothing, rva);
  else out.dst[out.add(Op.kill, rva)] = register;
}

/** `dst = source` where source 31 is the zero register. */
function moveRegister(dst: number, source: number, size: number, rva: number, out: OperationList): void {
  const i = out.add(Op.move, rva);
  out.dst[i] = dst;
  out.size[i] = size;
  if (source !== 31) out.source[i] = source;
}

function moveAddress(dst: number, address: number, rva: number, out: OperationList): void {
  const i = out.add(Op.move, rva);
  out.dst[i] = dst;
  out.size[i] = 8;
  out.low[i] = address;
  out.flags[i] = Flag.immediateIsAddress;
}

function binary(
  alu: number,
  dst: number,
  left: number,
  size: number,
  rva: number,
  out: OperationList,
): number {
  const i = out.add(Op.binary, rva);
  out.alu[i] = alu;
  out.dst[i] = dst;
  out.left[i] = left;
  out.size[i] = size;
  return i;
}

/** adr, adrp, add and sub, logical, mov wide, bit fields: everything with a constant inside. */
function immediateForms(word: number, rva: number, out: OperationList): void {
  const dst = word & 31;
  const left = (word >>> 5) & 31;
  const size = word >>> 31 === 1 ? 8 : 4;
  switch ((word >>> 23) & 7) {
    case 0:
    case 1: {
      const offset = (((word >> 5) << 13) >> 11) & ~3; // bits 23..5, signed, as bits 20..2
      const immediate = offset | ((word >>> 29) & 3);
      if (dst === 31) out.add(Op.nothing, rva);
      else if (word >>> 31 === 0) moveAddress(dst, rva + immediate, rva, out);
      else moveAddress(dst, ((rva & ~0xfff) + (immediate << 12)) | 0, rva, out);
      return;
    }
    case 2: {
      const setsFlags = ((word >>> 29) & 1) === 1;
      if (setsFlags && dst === 31) return void out.add(Op.nothing, rva); // cmp, cmn
      const amount = ((word >>> 10) & 0xfff) << (((word >>> 22) & 1) * 12);
      const i = binary(((word >>> 30) & 1) === 1 ? Alu.subtract : Alu.add, dst, left, size, rva, out);
      out.low[i] = amount;
      return;
    }
    case 4: {
      const operation = (word >>> 29) & 3;
      const mask = bitmaskImmediate((word >>> 22) & 1, (word >>> 16) & 63, (word >>> 10) & 63);
      if (operation === 3 && dst === 31) return void out.add(Op.nothing, rva); // tst
      if (mask === undefined) return kill(dst, rva, out);
      if (left === 31) {
        const i = out.add(Op.move, rva);
        out.dst[i] = dst;
        out.size[i] = size;
        out.low[i] = mask.low;
        out.high[i] = size === 8 ? mask.high : 0;
        return;
      }
      const alu = operation === 1 ? Alu.or : operation === 2 ? Alu.xor : Alu.and;
      const i = binary(alu, dst, left, size, rva, out);
      out.low[i] = mask.low;
      out.high[i] = mask.high;
      return;
    }
    case 5:
      return moveWide(word, dst, size, rva, out);
    case 6:
      return bitField(word, dst, left, size, rva, out);
  }
  kill(dst, rva, out);
}

function moveWide(word: number, dst: number, size: number, rva: number, out: OperationList): void {
  const operation = (word >>> 29) & 3;
  const half = (word >>> 21) & 3;
  const value = (word >>> 5) & 0xffff;
  if (dst === 31) return void out.add(Op.nothing, rva);
  if (operation === 3) {
    const i = out.add(Op.insert, rva); // movk
    out.dst[i] = dst;
    out.low[i] = value;
    out.high[i] = half * 2;
    out.size[i] = 2;
    return;
  }
  const shifted = value << ((half & 1) * 16);
  const i = out.add(Op.move, rva);
  out.dst[i] = dst;
  out.size[i] = size;
  const low = half < 2 ? shifted : 0;
  const high = half < 2 ? 0 : shifted;
  const isInverted = operation === 0; // movn
  out.low[i] = isInverted ? ~low : low;
  out.high[i] = size === 8 ? (isInverted ? ~high : high) : 0;
}

/** lsl, lsr, asr, uxtb, uxth, sxtb, sxth, sxtw; other bit fields are not followed. */
function bitField(
  word: number,
  dst: number,
  source: number,
  size: number,
  rva: number,
  out: OperationList,
): void {
  const isSigned = ((word >>> 29) & 3) === 0;
  const rotate = (word >>> 16) & 63;
  const last = (word >>> 10) & 63;
  const top = size * 8 - 1;
  if (((word >>> 29) & 3) === 1 || dst === 31) return kill(dst, rva, out); // bfm
  if (rotate === 0 && (last === 7 || last === 15 || last === 31) && last !== top) {
    const i = out.add(isSigned ? Op.signExtend : Op.zeroExtend, rva);
    out.dst[i] = dst;
    out.source[i] = source;
    out.size[i] = (last + 1) / 8;
    return;
  }
  if (last === top) {
    const i = binary(isSigned ? Alu.shiftRightSigned : Alu.shiftRight, dst, source, size, rva, out);
    out.low[i] = rotate;
    return;
  }
  if (!isSigned && last + 1 === rotate) {
    const i = binary(Alu.shiftLeft, dst, source, size, rva, out);
    out.low[i] = top - last;
    return;
  }
  kill(dst, rva, out);
}

function branches(word: number, rva: number, out: OperationList): void {
  if (((word >>> 26) & 31) === 0b00101) {
    const i = out.add(word < 0 ? Op.call : Op.jump, rva);
    out.low[i] = rva + ((word << 6) >> 4);
    return;
  }
  const isConditional = (word & 0xff000000) >>> 0 === 0x54000000;
  const isCompare = ((word >>> 25) & 63) === 0b011010;
  if (isConditional || isCompare) {
    out.low[out.add(Op.branch, rva)] = rva + ((((word >> 5) << 13) >> 13) << 2);
    return;
  }
  if (((word >>> 25) & 63) === 0b011011) {
    out.low[out.add(Op.branch, rva)] = rva + ((((word >> 5) << 18) >> 18) << 2); // tbz, tbnz
    return;
  }
  if (word >>> 25 === 0b1101011) {
    const operation = (word >>> 21) & 15;
    const register = (word >>> 5) & 31;
    if (operation === 2) return void out.add(Op.return, rva);
    const isCall = operation === 1 || operation === 9;
    const isJump = operation === 0 || operation === 8;
    const i = out.add(isCall ? Op.callIndirect : isJump ? Op.jumpIndirect : Op.return, rva);
    if (isCall || isJump) out.source[i] = register;
    return;
  }
  if (word >>> 24 === 0xd4) {
    const isCallOut = (word & 0x1f) === 1 || (word & 0x1f) === 2 || (word & 0x1f) === 3;
    out.add(isCallOut && ((word >>> 21) & 7) === 0 ? Op.nothing : Op.stop, rva); // svc, hvc, smc; brk, hlt
    return;
  }
  if (word >>> 20 === 0xd53) return kill(word & 31, rva, out); // mrs
  out.add(Op.nothing, rva);
}

/** Loads and stores: literal, pairs, immediate offsets with and without write-back, register offsets. */
function memoryForms(word: number, rva: number, out: OperationList): void {
  const target = word & 31;
  const base = (word >>> 5) & 31;
  const isVector = ((word >>> 26) & 1) === 1;
  switch ((word >>> 28) & 3) {
    case 1: {
      if (((word >>> 24) & 1) === 1 || ((word >>> 24) & 1) === 0) {
        if ((word & 0x3b000000) === 0x18000000) return literalLoad(word, target, isVector, rva, out);
      }
      break;
    }
    case 2:
      return pair(word, target, base, isVector, rva, out);
    case 3:
      return single(word, target, base, isVector, rva, out);
  }
  // Exclusive and acquire/release forms: the loaded or status register is lost.
  if (((word >>> 22) & 1) === 1) kill(target, rva, out);
  else kill((word >>> 16) & 31, rva, out);
}

function literalLoad(word: number, target: number, isVector: boolean, rva: number, out: OperationList): void {
  const kind = word >>> 30;
  const size = isVector ? 4 << kind : kind === 0 ? 4 : kind === 1 ? 8 : 0;
  if (size === 0 || (!isVector && target === 31)) return void out.add(Op.nothing, rva); // prefetch
  const i = out.add(Op.load, rva);
  out.dst[i] = isVector ? VECTOR0 + target : target;
  out.size[i] = Math.min(size, 16);
  out.base[i] = BASE_IMAGE;
  out.displacement[i] = rva + ((((word >> 5) << 13) >> 13) << 2);
}

function transfer(
  isLoad: boolean,
  register: number,
  size: number,
  base: number,
  displacement: number,
  rva: number,
  out: OperationList,
): void {
  const i = out.add(isLoad ? Op.load : Op.store, rva);
  if (isLoad) {
    if (register === 31) out.op[i] = Op.nothing;
    else out.dst[i] = register;
    // Narrow loads clear the rest of the register, which is not modelled: their value stays unknown.
    if (size < 4 && out.op[i] === Op.load) out.op[i] = Op.kill;
  } else if (register !== 31) out.source[i] = register;
  out.size[i] = size;
  out.base[i] = base;
  out.displacement[i] = displacement;
}

function writeBack(base: number, amount: number, rva: number, out: OperationList): void {
  const i = binary(Alu.add, base, base, 8, rva, out);
  out.low[i] = amount;
}

function pair(
  word: number,
  first: number,
  base: number,
  isVector: boolean,
  rva: number,
  out: OperationList,
): void {
  const kind = word >>> 30;
  const mode = (word >>> 23) & 3;
  const size = isVector ? 4 << kind : kind === 2 ? 8 : 4;
  const offset = ((word << 10) >> 25) * size;
  const isLoad = ((word >>> 22) & 1) === 1;
  const second = (word >>> 10) & 31;
  const shift = isVector ? VECTOR0 : 0;
  if (mode === 3) writeBack(base, offset, rva, out);
  const at = mode === 1 || mode === 3 ? 0 : offset;
  transfer(isLoad, first + shift, size, base, at, rva, out);
  transfer(isLoad, second + shift, size, base, at + size, rva, out);
  if (mode === 1) writeBack(base, offset, rva, out);
}

function single(
  word: number,
  target: number,
  base: number,
  isVector: boolean,
  rva: number,
  out: OperationList,
): void {
  const operation = (word >>> 22) & 3;
  const sizeLog2 = (word >>> 30) | (isVector && operation >= 2 ? 4 : 0);
  const size = 1 << sizeLog2;
  const isLoad = isVector ? (operation & 1) === 1 : operation !== 0;
  const isSigned = !isVector && operation >= 2;
  if (!isVector && sizeLog2 === 3 && operation === 2) return void out.add(Op.nothing, rva); // prefetch
  const register = isVector ? VECTOR0 + target : target;
  const place = out.count;
  if (((word >>> 24) & 1) === 1) {
    transfer(isLoad, register, size, base, ((word >>> 10) & 0xfff) * size, rva, out);
  } else if (((word >>> 21) & 1) === 0) {
    const offset = (word << 11) >> 23;
    const mode = (word >>> 10) & 3;
    if (mode === 3) writeBack(base, offset, rva, out);
    transfer(isLoad, register, size, base, mode === 1 || mode === 3 ? 0 : offset, rva, out);
    if (mode === 1) writeBack(base, offset, rva, out);
  } else if (((word >>> 10) & 3) === 2) {
    transfer(isLoad, register, size, base, 0, rva, out);
    out.index[place] = (word >>> 16) & 31;
    out.scale[place] = ((word >>> 12) & 1) === 1 ? sizeLog2 : 0;
  } else return kill(register, rva, out); // atomics
  if (isSigned && size < 4) out.op[place] = register === 31 ? Op.nothing : out.op[place];
}

/** Arithmetic on registers, selects. */
function registerForms(word: number, rva: number, out: OperationList): void {
  const dst = word & 31;
  const left = (word >>> 5) & 31;
  const right = (word >>> 16) & 31;
  const size = word >>> 31 === 1 ? 8 : 4;
  const operation = (word >>> 29) & 3;
  if (((word >>> 28) & 1) === 0) {
    const isPlain = ((word >>> 10) & 63) === 0 && ((word >>> 22) & 3) === 0;
    const isInverted = ((word >>> 21) & 1) === 1;
    if (((word >>> 24) & 31) === 0b01010) {
      if (dst === 31) return void out.add(Op.nothing, rva);
      if (!isPlain) return kill(dst, rva, out);
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
      if (dst === 31 && (isInverted ? (operation & 1) === 1 : true)) return void out.add(Op.nothing, rva);
      // Extended registers (with isInverted's bit) stand in address arithmetic: followed when they do not shift.
      const isUsable = isInverted ? ((word >>> 10) & 7) === 0 : isPlain;
      if (!isUsable || right === 31) return kill(dst, rva, out);
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
  if (((word >>> 21) & 255) === 0b11010010) return void out.add(Op.nothing, rva); // ccmp
  if (
    ((word >>> 24) & 31) === 0b11011 &&
    ((word >>> 21) & 7) === 0 &&
    ((word >>> 10) & 63) === 31 &&
    dst !== 31
  ) {
    const i = binary(Alu.multiply, dst, left, size, rva, out); // mul
    out.source[i] = right;
    return;
  }
  kill(dst, rva, out);
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
  if (!isPlain) return kill(dst, rva, out);
  const i = out.add(Op.select, rva);
  out.dst[i] = dst;
  out.left[i] = left === 31 ? NONE : left;
  out.source[i] = right === 31 ? NONE : right;
  out.size[i] = size;
}

/** Moves between general and vector registers and of zero; every other vector instruction loses its target. */
function vectorForms(word: number, rva: number, out: OperationList): void {
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
  const writesGeneral = (word & 0x5f20fc00) === 0x1e200000 || (word & 0xbfe0fc00) >>> 0 === 0x0e003c00;
  out.dst[out.add(Op.kill, rva)] = writesGeneral ? target : VECTOR0 + target;
}
