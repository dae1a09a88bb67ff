/** ARM64 instructions with a constant inside: addresses, arithmetic, logic, wide moves, bit fields. */
import { Alu, Flag, NONE, Op, type OperationList, SCRATCH } from '../operations.ts';
import { bitmaskImmediate } from './bitmask-immediate.ts';
import { binary, kill } from './emit.ts';

function moveAddress(dst: number, address: number, rva: number, out: OperationList): void {
  const i = out.add(Op.move, rva);
  out.dst[i] = dst;
  out.size[i] = 8;
  out.low[i] = address;
  out.flags[i] = Flag.immediateIsAddress;
}

/** adr, adrp, add and sub, logical, mov wide, bit fields: everything with a constant inside. */
export function immediateForms(word: number, rva: number, out: OperationList): void {
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
      const amount = ((word >>> 10) & 0xfff) << (((word >>> 22) & 1) * 12);
      const isSubtract = ((word >>> 30) & 1) === 1;
      if (setsFlags) {
        // Also where the difference is kept (subs), which compilers use as it comes. To add is to compare with less than 0 (cmn).
        const compared = out.add(isSubtract || amount !== 0 ? Op.compare : Op.nothing, rva);
        out.left[compared] = left;
        out.low[compared] = isSubtract ? amount : -amount;
        out.size[compared] = size;
        if (dst === 31) return;
      }
      const i = binary(isSubtract ? Alu.subtract : Alu.add, dst, left, size, rva, out);
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

/** lsl, lsr, asr, uxtb, uxth, sxtb, sxth, sxtw, ubfiz and sbfiz of whole bytes; other bit fields are not followed. */
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
  if (dst === 31) return kill(dst, rva, out);
  if (((word >>> 29) & 3) === 1) return bitFieldMove(dst, source, size, rotate, last, rva, out);
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
  if (size === 8 && last < rotate && (last === 7 || last === 15 || last === 31)) {
    // ubfiz, sbfiz: a narrow number is extended and shifted, as the index of an array is.
    const extended = out.add(isSigned ? Op.signExtend : Op.zeroExtend, rva);
    out.dst[extended] = dst;
    out.source[extended] = source;
    out.size[extended] = (last + 1) / 8;
    out.low[binary(Alu.shiftLeft, dst, dst, size, rva, out)] = 64 - rotate;
    return;
  }
  if (isSigned || size === 8) return kill(dst, rva, out);
  // ubfx takes bits out, ubfiz puts low bits higher up.
  const isInsert = last < rotate;
  const cut = binary(Alu.and, dst, source, size, rva, out);
  out.low[cut] = isInsert ? bits(last + 1) : bits(last - rotate + 1) << rotate;
  const moved = binary(isInsert ? Alu.shiftLeft : Alu.shiftRight, dst, dst, size, rva, out);
  out.low[moved] = isInsert ? 32 - rotate : rotate;
}

/** As many low bits set. */
function bits(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
}

/** bfi and bfxil: some bits of dst are replaced by low bits of source (bfi) or by bits from further up. */
function bitFieldMove(
  dst: number,
  source: number,
  size: number,
  rotate: number,
  last: number,
  rva: number,
  out: OperationList,
): void {
  const isInsert = last < rotate;
  const count = isInsert ? last + 1 : last - rotate + 1;
  const to = isInsert ? 8 * size - rotate : 0;
  if (size === 8) {
    // Two fields of a structure in one register: a whole lane of it is replaced.
    const isLane = isInsert && (count === 16 || count === 32) && to % count === 0;
    if (!isLane) return kill(dst, rva, out);
    const i = out.add(Op.insert, rva);
    out.dst[i] = dst;
    out.source[i] = source === 31 ? NONE : source;
    out.high[i] = to / 8;
    out.size[i] = count / 8;
    return;
  }
  const from = isInsert ? 0 : rotate;
  if (source === 31) {
    const cleared = binary(Alu.and, dst, dst, size, rva, out); // bfc
    out.low[cleared] = ~(bits(count) << to);
    return;
  }
  const cut = binary(Alu.and, SCRATCH, source, size, rva, out);
  out.low[cut] = bits(count) << from;
  if (to !== from) {
    const moved = binary(to > from ? Alu.shiftLeft : Alu.shiftRight, SCRATCH, SCRATCH, size, rva, out);
    out.low[moved] = Math.abs(to - from);
  }
  const kept = binary(Alu.and, dst, dst, size, rva, out);
  out.low[kept] = ~(bits(count) << to);
  const joined = binary(Alu.or, dst, dst, size, rva, out);
  out.source[joined] = SCRATCH;
}
