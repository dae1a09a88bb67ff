/** The meaning of the instructions of the 0F, 0F 38 and 0F 3A opcode maps. */
import { Alu, NONE, Op, type OperationList, VECTOR0, X86 } from '../operations.ts';
import {
  binary,
  byteRegister,
  conditionalBranch,
  extend,
  kill,
  killHighByte,
  killMany,
  killOperands,
  killRm,
  loadScratch,
  MASK,
  operandSize,
} from './emit.ts';
import { inserted, vectorMove } from './vector-moves.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** Appends what the decoded instruction of the 0F map does. */
export function twoByte(d: X86Decoder, rva: number, out: OperationList): void {
  const opcode = d.opcode;
  if (opcode >= 0x80 && opcode < 0x90) return conditionalBranch(d, rva, out);
  if (opcode >= 0x40 && opcode < 0x50) {
    const source = d.mod === 3 ? d.rm : loadScratch(d, rva, out, operandSize(d));
    const i = out.add(Op.select, rva);
    out.dst[i] = d.reg;
    out.left[i] = d.reg;
    out.source[i] = source;
    out.size[i] = operandSize(d);
    out.alu[i] = opcode & 15;
    return;
  }
  if (opcode >= 0x90 && opcode < 0xa0) {
    if (d.mod !== 3) return killRm(d, rva, out);
    const register = byteRegister(d, d.rm);
    if (register === NONE) return killHighByte(d.rm, rva, out);
    const i = out.add(Op.flag, rva);
    out.dst[i] = register;
    return;
  }
  if (opcode >= 0xc8 && opcode < 0xd0) {
    const i = out.add(Op.byteSwap, rva);
    out.dst[i] = (opcode & 7) | ((d.rex & 1) << 3);
    out.source[i] = out.dst[i];
    out.size[i] = operandSize(d);
    return;
  }
  if (vectorMove(d, rva, out)) return;
  switch (opcode) {
    case 0x05:
    case 0x34:
      return killMany(MASK.accumulator | MASK.count | (1 << 11), rva, out);
    case 0x0b:
    case 0xb9:
      out.add(Op.stop, rva);
      return;
    case 0x01:
      return d.mod === 3 ? killMany(MASK.accumulator | MASK.data, rva, out) : void out.add(Op.nothing, rva);
    case 0x20:
    case 0x21:
    case 0x00:
      return kill(d.rm, rva, out);
    case 0x31:
    case 0x32:
    case 0x33:
      return killMany(MASK.accumulator | MASK.data, rva, out);
    case 0xa2:
      return killMany(MASK.accumulator | MASK.base | MASK.count | MASK.data, rva, out);
    case 0xa0:
    case 0xa8: {
      out.size[out.add(Op.push, rva)] = 1;
      return;
    }
    case 0xa1:
    case 0xa9:
      out.add(Op.pop, rva);
      return;
    case 0xaf: {
      const factor = d.mod === 3 ? d.rm : loadScratch(d, rva, out, operandSize(d));
      const i = out.add(Op.binary, rva);
      out.alu[i] = Alu.multiply;
      out.dst[i] = d.reg;
      out.left[i] = d.reg;
      out.source[i] = factor;
      out.size[i] = operandSize(d);
      return;
    }
    case 0xb6:
      return extend(d, rva, out, Op.zeroExtend, 1);
    case 0xb7:
      return extend(d, rva, out, Op.zeroExtend, 2);
    case 0xbe:
      return extend(d, rva, out, Op.signExtend, 1);
    case 0xbf:
      return extend(d, rva, out, Op.signExtend, 2);
    case 0xb0:
    case 0xb1:
      kill(X86.ax, rva, out);
      return killRm(d, rva, out);
    case 0xc0:
    case 0xc1:
      kill(d.reg, rva, out);
      return killRm(d, rva, out);
    case 0xc7:
      return d.mod === 3 ? kill(d.rm, rva, out) : killMany(MASK.accumulator | MASK.data, rva, out);
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return killRm(d, rva, out);
    case 0xba:
      return bitInstruction(d, rva, out);
    case 0x02:
    case 0x03:
    case 0x2c:
    case 0x2d:
    case 0x50:
    case 0xb8:
    case 0xbc:
    case 0xbd:
    case 0xc5:
    case 0xd7:
      return kill(d.reg, rva, out);
    case 0xa3:
    case 0x0d:
    case 0x18:
    case 0x1e:
    case 0x1f:
    case 0xae:
    case 0x2e:
    case 0x2f:
      out.add(Op.nothing, rva);
      return;
  }
  killOperands(d, rva, out, false);
}

/** bt, bts, btr and btc with the number of the bit as a constant: the last three are `or`, `and` and `xor`. */
function bitInstruction(d: X86Decoder, rva: number, out: OperationList): void {
  const kind = (d.modrm >> 3) & 7;
  if (kind < 5) return void out.add(Op.nothing, rva);
  const size = operandSize(d);
  const bit = d.immediate & (8 * size - 1);
  const keeps = kind === 6 ? -1 : 0; // btr leaves every other bit
  d.immediate = keeps ^ (bit < 32 ? 1 << bit : 0);
  d.immediateHigh = keeps ^ (bit < 32 ? 0 : 1 << (bit - 32));
  binary(d, rva, out, kind === 5 ? Alu.or : kind === 6 ? Alu.and : Alu.xor, size, 'rm,imm');
}

/** Appends what the decoded instruction of the 0F 3A map does. */
export function threeByte3a(d: X86Decoder, rva: number, out: OperationList): void {
  if (d.opcode === 0x22 && d.operand16 && d.mod === 3) {
    const size = (d.rex & 8) !== 0 ? 8 : 4; // pinsrd, pinsrq
    inserted(out, rva, VECTOR0 + d.reg, d.rm, (d.immediate & (size === 8 ? 1 : 3)) * size, size);
    return;
  }
  const writesGeneral = d.opcode >= 0x14 && d.opcode <= 0x17;
  if (writesGeneral) killRm(d, rva, out);
  else killOperands(d, rva, out, false);
}
