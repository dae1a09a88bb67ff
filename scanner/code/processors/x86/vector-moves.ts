/** The vector instructions that compilers build and copy structures with. */
import { Op, type OperationList, SCRATCH, VECTOR0 } from '../operations.ts';
import { setMemory } from './emit.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** The vector instructions that compilers use to build structures; true where one was appended. */
export function vectorMove(d: X86Decoder, rva: number, out: OperationList): boolean {
  const prefix = d.operand16 && d.repeat === 0 ? 0x66 : d.repeat;
  const register = VECTOR0 + d.reg;
  switch (d.opcode) {
    case 0x10:
      return transfer(d, rva, out, register, prefix === 0xf3 ? 4 : prefix === 0xf2 ? 8 : 16, true);
    case 0x11:
      return transfer(d, rva, out, register, prefix === 0xf3 ? 4 : prefix === 0xf2 ? 8 : 16, false);
    case 0x28:
      return transfer(d, rva, out, register, 16, true);
    case 0x29:
    case 0x2b:
    case 0xe7:
      return transfer(d, rva, out, register, 16, false);
    case 0x6f:
      return prefix === 0 ? false : transfer(d, rva, out, register, 16, true);
    case 0x7f:
      return prefix === 0 ? false : transfer(d, rva, out, register, 16, false);
    case 0xd6:
      return prefix === 0x66 ? transfer(d, rva, out, register, 8, false) : false;
    case 0x7e:
      if (prefix === 0xf3) return transfer(d, rva, out, register, 8, true);
      if (prefix !== 0x66) return false;
      if (d.mod === 3) return moved(out, rva, d.rm, register, (d.rex & 8) !== 0 ? 8 : 4);
      return transfer(d, rva, out, register, (d.rex & 8) !== 0 ? 8 : 4, false);
    case 0x6e: {
      if (prefix !== 0x66) return false;
      const size = (d.rex & 8) !== 0 ? 8 : 4;
      return d.mod === 3
        ? moved(out, rva, register, d.rm, size)
        : transfer(d, rva, out, register, size, true);
    }
    case 0x12:
    case 0x13:
      return d.mod === 3 || (prefix !== 0 && prefix !== 0x66)
        ? false
        : transfer(d, rva, out, register, 8, d.opcode === 0x12);
    case 0x16: // movlhps, movhps
      if (d.mod === 3) return prefix === 0 && inserted(out, rva, register, VECTOR0 + d.rm, 8, 8);
      if (prefix !== 0 && prefix !== 0x66) return false;
      transfer(d, rva, out, SCRATCH, 8, true);
      return inserted(out, rva, register, SCRATCH, 8, 8);
    case 0x62: // punpckldq
      return prefix !== 0x66 || d.mod !== 3 ? false : inserted(out, rva, register, VECTOR0 + d.rm, 4, 4);
    case 0x6c: // punpcklqdq
      return prefix !== 0x66 || d.mod !== 3 ? false : inserted(out, rva, register, VECTOR0 + d.rm, 8, 8);
    case 0x70: {
      // pshufd, with which gcc takes the upper of two numbers that were loaded at once
      if (prefix !== 0x66 || d.mod !== 3) return false;
      const i = out.add(Op.shuffle, rva);
      out.dst[i] = register;
      out.source[i] = VECTOR0 + d.rm;
      out.low[i] = d.immediate;
      return true;
    }
    case 0x57:
    case 0xef: {
      if (d.mod !== 3 || d.reg !== d.rm) return false;
      const i = out.add(Op.move, rva); // zeroed by itself
      out.dst[i] = register;
      out.size[i] = 16;
      return true;
    }
  }
  return false;
}

function transfer(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  register: number,
  size: number,
  isLoad: boolean,
): true {
  if (d.mod === 3) {
    return isLoad
      ? moved(out, rva, register, VECTOR0 + d.rm, size)
      : moved(out, rva, VECTOR0 + d.rm, register, size);
  }
  const i = out.add(isLoad ? Op.load : Op.store, rva);
  if (isLoad) out.dst[i] = register;
  else out.source[i] = register;
  out.size[i] = size;
  setMemory(d, out, i);
  return true;
}

function moved(out: OperationList, rva: number, to: number, from: number, size: number): true {
  const i = out.add(Op.move, rva);
  out.dst[i] = to;
  out.source[i] = from;
  out.size[i] = size;
  return true;
}

/** Replaces the lane at byte `lane` of a vector register. */
export function inserted(
  out: OperationList,
  rva: number,
  to: number,
  from: number,
  lane: number,
  size: number,
): true {
  const i = out.add(Op.insert, rva);
  out.dst[i] = to;
  out.source[i] = from;
  out.high[i] = lane;
  out.size[i] = size;
  return true;
}
