/** The meaning of the instructions of the one-byte opcode map. */
import { Alu, NONE, Op, type OperationList, X86 } from '../operations.ts';
import {
  binary,
  branchTo,
  byteRegister,
  conditionalBranch,
  extend,
  kill,
  killHighByte,
  killMany,
  killRm,
  loadScratch,
  MASK,
  move,
  operandSize,
  setImmediate,
  setMemory,
} from './emit.ts';
import { arithmeticRow, group3, group5, shift } from './opcode-groups.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** `rm = immediate`. */
function moveImmediate(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  if (d.mod === 3) return moveImmediateTo(d.rm, d, rva, out, size);
  const i = out.add(Op.store, rva);
  out.size[i] = size;
  setMemory(d, out, i);
  setImmediate(d, out, i);
}

/** The register is as encoded: of one byte, it may be the second one of a register. */
function moveImmediateTo(
  encoded: number,
  d: X86Decoder,
  rva: number,
  out: OperationList,
  size: number,
): void {
  const register = size === 1 ? byteRegister(d, encoded) : encoded;
  if (register === NONE) return killHighByte(encoded, rva, out);
  const i = out.add(Op.move, rva);
  out.dst[i] = register;
  out.size[i] = size;
  setImmediate(d, out, i);
  if (size === 4) out.high[i] = 0;
}

/** `rep movs` and `rep stos`: structures are copied and cleared with them. */
function block(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  op: number,
  source: number,
  size: number,
): void {
  const i = out.add(op, rva);
  out.base[i] = X86.di;
  out.source[i] = source;
  out.size[i] = size;
  out.low[i] = d.repeat === 0 ? 0 : 1;
}

/** The register that the opcode itself names. */
function opcodeRegister(d: X86Decoder): number {
  return (d.opcode & 7) | ((d.rex & 1) << 3);
}

/** Appends what the decoded instruction does. */
export function oneByte(d: X86Decoder, rva: number, out: OperationList): void {
  const opcode = d.opcode;
  if (opcode < 0x40) return arithmeticRow(d, rva, out);
  const size = operandSize(d);
  if (!d.is64 && opcode < 0x50) {
    const i = out.add(Op.binary, rva); // inc, dec
    out.dst[i] = opcode & 7;
    out.left[i] = opcode & 7;
    out.alu[i] = opcode < 0x48 ? Alu.add : Alu.subtract;
    out.low[i] = 1;
    out.size[i] = size;
    return;
  }
  if (opcode < 0x58) {
    out.source[out.add(Op.push, rva)] = opcodeRegister(d);
    return;
  }
  if (opcode < 0x60) {
    out.dst[out.add(Op.pop, rva)] = opcodeRegister(d);
    return;
  }
  if (opcode >= 0x70 && opcode < 0x80) return conditionalBranch(d, rva, out);
  if (opcode >= 0xb0 && opcode < 0xc0)
    return moveImmediateTo(opcodeRegister(d), d, rva, out, opcode < 0xb8 ? 1 : size);
  switch (opcode) {
    case 0x60: // pushad
      for (let i = 0; i < 8; i++) out.size[out.add(Op.push, rva)] = 1;
      return;
    case 0x61: // popad
      for (let i = 7; i >= 0; i--) if (i !== X86.sp) out.dst[out.add(Op.pop, rva)] = i;
      return;
    case 0x63:
      return d.is64 ? extend(d, rva, out, Op.signExtend, 4) : void out.add(Op.nothing, rva);
    case 0x68:
    case 0x6a: {
      const i = out.add(Op.push, rva);
      return setImmediate(d, out, i);
    }
    case 0x69:
    case 0x6b: {
      const factor = d.mod === 3 ? d.rm : loadScratch(d, rva, out, size);
      const i = out.add(Op.binary, rva);
      out.alu[i] = Alu.multiply;
      out.dst[i] = d.reg;
      out.left[i] = factor;
      out.size[i] = size;
      return setImmediate(d, out, i);
    }
    case 0x80:
    case 0x82:
    case 0x81:
    case 0x83:
      return binary(d, rva, out, (d.modrm >> 3) & 7, opcode === 0x81 || opcode === 0x83 ? size : 1, 'rm,imm');
    case 0x86:
      kill(byteRegister(d, d.reg) & 15, rva, out);
      return killRm(d, rva, out);
    case 0x87:
      kill(d.reg, rva, out);
      return killRm(d, rva, out);
    case 0x88:
      return move(d, rva, out, 1, false);
    case 0x89:
      return move(d, rva, out, size, false);
    case 0x8a:
      return move(d, rva, out, 1, true);
    case 0x8b:
      return move(d, rva, out, size, true);
    case 0x8c:
      return killRm(d, rva, out);
    case 0x8d: {
      if (d.mod === 3) return void out.add(Op.stop, rva);
      const i = out.add(Op.address, rva);
      out.dst[i] = d.reg;
      out.size[i] = size;
      return setMemory(d, out, i);
    }
    case 0x8f:
      if (d.mod === 3) out.dst[out.add(Op.pop, rva)] = d.rm;
      else out.add(Op.pop, rva);
      return;
    case 0x98:
      return kill(X86.ax, rva, out);
    case 0x99:
      return kill(X86.dx, rva, out);
    case 0x9c: {
      out.add(Op.push, rva);
      out.size[out.count - 1] = 1; // pushfd: a push whose value is not followed
      return;
    }
    case 0x9d:
      out.add(Op.pop, rva);
      return;
    case 0xa0:
      return kill(X86.ax, rva, out);
    case 0xa1: {
      const i = out.add(Op.load, rva);
      out.dst[i] = X86.ax;
      out.size[i] = size;
      return setMemory(d, out, i);
    }
    case 0xa3: {
      const i = out.add(Op.store, rva);
      out.source[i] = X86.ax;
      out.size[i] = size;
      return setMemory(d, out, i);
    }
    case 0xa4:
    case 0xa5:
      block(d, rva, out, Op.blockCopy, X86.si, opcode === 0xa4 ? 1 : size);
      return killMany(MASK.source | MASK.destination | (d.repeat === 0 ? 0 : MASK.count), rva, out);
    case 0xa6:
    case 0xa7:
      return killMany(MASK.source | MASK.destination | (d.repeat === 0 ? 0 : MASK.count), rva, out);
    case 0xaa:
    case 0xab:
      block(d, rva, out, Op.blockFill, X86.ax, opcode === 0xaa ? 1 : size);
      return killMany(MASK.destination | (d.repeat === 0 ? 0 : MASK.count), rva, out);
    case 0xae:
    case 0xaf:
      return killMany(MASK.destination | (d.repeat === 0 ? 0 : MASK.count), rva, out);
    case 0xac:
    case 0xad:
      return killMany(MASK.source | MASK.accumulator, rva, out);
    case 0xc0:
    case 0xc1:
      return shift(d, rva, out, size);
    case 0xd0:
    case 0xd1:
      d.immediate = 1;
      return shift(d, rva, out, size);
    case 0xd2:
    case 0xd3:
      return killRm(d, rva, out);
    case 0xc2:
      out.low[out.add(Op.return, rva)] = d.immediate & 0xffff;
      return;
    case 0xc3:
      out.add(Op.return, rva);
      return;
    case 0xc6:
      return moveImmediate(d, rva, out, 1);
    case 0xc7:
      return moveImmediate(d, rva, out, size);
    case 0xc8: {
      const i = out.add(Op.push, rva);
      out.source[i] = X86.bp;
      return kill(X86.bp, rva, out);
    }
    case 0xc9: {
      const i = out.add(Op.move, rva);
      out.dst[i] = X86.sp;
      out.source[i] = X86.bp;
      out.size[i] = d.is64 ? 8 : 4;
      out.dst[out.add(Op.pop, rva)] = X86.bp;
      return;
    }
    case 0xca:
    case 0xcb:
    case 0xcf:
      out.add(Op.return, rva);
      return;
    case 0xcc:
    case 0xf4:
      out.add(Op.stop, rva);
      return;
    case 0xcd:
      // int 29h ends the system (fastfail); other numbers come back.
      if ((d.immediate & 0xff) === 0x29) out.add(Op.stop, rva);
      else killMany(MASK.accumulator, rva, out);
      return;
    case 0x9a:
    case 0xea: // far calls and jumps, of 32-bit code only
      out.add(Op.stop, rva);
      return;
    case 0xdf:
      if (d.modrm === 0xe0)
        kill(X86.ax, rva, out); // fnstsw ax
      else out.add(Op.nothing, rva);
      return;
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3:
      kill(X86.cx, rva, out);
      return branchTo(d, rva, out, Op.branch);
    case 0xe4:
    case 0xe5:
    case 0xec:
    case 0xed:
      return kill(X86.ax, rva, out);
    case 0xe8:
      return branchTo(d, rva, out, Op.call);
    case 0xe9:
    case 0xeb:
      return branchTo(d, rva, out, Op.jump);
    case 0xf6:
    case 0xf7:
      return group3(d, rva, out, opcode === 0xf6 ? 1 : size);
    case 0xfe:
      return killRm(d, rva, out);
    case 0xff:
      return group5(d, rva, out, size);
  }
  if ((opcode > 0x90 && opcode < 0x98) || (opcode === 0x90 && (d.rex & 1) !== 0)) {
    kill(opcodeRegister(d), rva, out);
    return kill(X86.ax, rva, out);
  }
  out.add(Op.nothing, rva);
}
