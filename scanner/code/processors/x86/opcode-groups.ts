/** Opcodes of the one-byte map that are told apart by other bits: the rows of arithmetic, and the groups of ModRM. */
import { Alu, Op, type OperationList, X86 } from '../operations.ts';
import { binary, kill, killMany, killRm, MASK, operandSize, setMemory } from './emit.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** Opcodes below 40h: eight kinds of arithmetic in six forms each, and what fills the two columns after them. */
export function arithmeticRow(d: X86Decoder, rva: number, out: OperationList): void {
  const alu = d.opcode >> 3;
  const form = d.opcode & 7;
  const size = (form & 1) === 0 ? 1 : operandSize(d);
  if (form < 2) return binary(d, rva, out, alu, size, 'rm,reg');
  if (form < 4) return binary(d, rva, out, alu, size, 'reg,rm');
  if (form < 6) {
    d.mod = 3;
    d.rm = X86.ax;
    return binary(d, rva, out, alu, size, 'rm,imm');
  }
  if ((d.opcode & 0xe7) === 0x06)
    out.size[out.add(Op.push, rva)] = 1; // push segment
  else if ((d.opcode & 0xe7) === 0x07) out.add(Op.pop, rva);
  else kill(X86.ax, rva, out); // decimal adjustment
}

/** By the ModRM byte's middle field; rotations are not followed. */
const SHIFTS: Readonly<Record<number, number>> = {
  4: Alu.shiftLeft,
  5: Alu.shiftRight,
  6: Alu.shiftLeft,
  7: Alu.shiftRightSigned,
};

/** Group 2: shifts and rotations by an immediate. */
export function shift(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const kind = (d.modrm >> 3) & 7;
  const width = d.opcode & 1 ? size : 1;
  const alu = SHIFTS[kind];
  if (alu === undefined || d.mod !== 3 || width < 4) return killRm(d, rva, out);
  d.immediate &= size === 8 ? 63 : 31;
  d.immediateHigh = 0;
  binary(d, rva, out, alu, width, 'rm,imm');
}

/** Group 3: test, not, neg, multiplications and divisions. */
export function group3(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const kind = (d.modrm >> 3) & 7;
  if (kind < 2) return void out.add(Op.nothing, rva);
  if (kind >= 4) return killMany(MASK.accumulator | (size === 1 ? 0 : MASK.data), rva, out);
  if (d.mod !== 3 || size < 4) return killRm(d, rva, out);
  const i = out.add(kind === 2 ? Op.invert : Op.negate, rva);
  out.dst[i] = d.rm;
  out.source[i] = d.rm;
  out.size[i] = size;
}

/** Group 5: inc, dec, calls and jumps through an operand, push. */
export function group5(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  switch ((d.modrm >> 3) & 7) {
    case 0:
    case 1: {
      d.immediate = 1;
      d.immediateHigh = 0;
      return binary(d, rva, out, ((d.modrm >> 3) & 7) === 0 ? Alu.add : Alu.subtract, size, 'rm,imm');
    }
    case 2:
      return indirect(d, rva, out, Op.callIndirect);
    case 4:
      return indirect(d, rva, out, Op.jumpIndirect);
    case 6: {
      const i = out.add(Op.push, rva);
      if (d.mod === 3) out.source[i] = d.rm;
      else {
        setMemory(d, out, i);
        out.size[i] = 2; // push of memory
      }
      return;
    }
    case 3:
    case 5:
    case 7:
      out.add(Op.stop, rva);
  }
}

/** Calls and jumps through a register or memory. */
function indirect(d: X86Decoder, rva: number, out: OperationList, op: number): void {
  const i = out.add(op, rva);
  if (d.mod === 3) out.source[i] = d.rm;
  else setMemory(d, out, i);
}
