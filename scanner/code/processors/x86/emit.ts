/** The pieces that x86 instructions are translated with: operands, moves, arithmetic, branches. */
import { Alu, Flag, NONE, Op, type OperationList, SCRATCH, VECTOR0, X86 } from '../operations.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** Bytes of an operand that is not one byte wide. */
export function operandSize(d: X86Decoder): number {
  return (d.rex & 8) !== 0 ? 8 : d.operand16 ? 2 : 4;
}

/** Registers as bits, for instructions that change several. */
export const MASK = {
  accumulator: 1 << X86.ax,
  data: 1 << X86.dx,
  count: 1 << X86.cx,
  base: 1 << X86.bx,
  source: 1 << X86.si,
  destination: 1 << X86.di,
} as const;

/** The register a byte operand names, or NONE for ah, ch, dh and bh. */
export function byteRegister(d: X86Decoder, register: number): number {
  return !d.hasRex && register >= 4 && register < 8 ? NONE : register;
}

/** Gives operation `i` the instruction's memory operand. */
export function setMemory(d: X86Decoder, out: OperationList, i: number): void {
  out.base[i] = d.base;
  out.index[i] = d.index;
  out.scale[i] = d.index === NONE ? 0 : d.scale;
  out.displacement[i] = d.displacement;
}

/** Gives operation `i` the instruction's immediate. */
export function setImmediate(d: X86Decoder, out: OperationList, i: number): void {
  out.low[i] = d.immediate;
  out.high[i] = d.immediateHigh;
  if (d.immediateIsAddress) out.flags[i] = Flag.immediateIsAddress;
}

/** The register holds something that is not followed. */
export function kill(register: number, rva: number, out: OperationList): void {
  if (register === NONE) return;
  out.dst[out.add(Op.kill, rva)] = register;
}

/** A write to ah, ch, dh or bh spoils the whole register. */
export function killHighByte(register: number, rva: number, out: OperationList): void {
  kill(register & 3, rva, out);
}

/** As `kill`, for every register whose bit is set. */
export function killMany(mask: number, rva: number, out: OperationList): void {
  out.low[out.add(Op.killMany, rva)] = mask;
}

/** An instruction that writes its ModRM operand in a way that is not followed. */
export function killRm(d: X86Decoder, rva: number, out: OperationList): void {
  if (d.mod === 3) kill(d.rm, rva, out);
  else if (d.base === NONE || d.base < VECTOR0) {
    const i = out.add(Op.store, rva); // its value is unknown: no source and size of an unfollowed write
    out.size[i] = 0;
    setMemory(d, out, i);
  }
}

/** For instructions of no interest: the register operand becomes unknown; a vector one unless it is known to be general. */
export function killOperands(d: X86Decoder, rva: number, out: OperationList, isGeneral: boolean): void {
  kill(isGeneral ? d.reg : VECTOR0 + d.reg, rva, out);
}

/** `rm = register` or `register = rm`. */
export function move(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  size: number,
  toRegister: boolean,
): void {
  let reg = d.reg;
  let rm = d.rm;
  if (size === 1) {
    reg = byteRegister(d, reg);
    if (d.mod === 3) rm = byteRegister(d, rm);
  }
  if (d.mod === 3) {
    const target = toRegister ? reg : rm;
    const source = toRegister ? rm : reg;
    if (target === NONE) return killHighByte(toRegister ? d.reg : d.rm, rva, out);
    if (source === NONE) return kill(target, rva, out);
    const i = out.add(Op.move, rva);
    out.dst[i] = target;
    out.source[i] = source;
    out.size[i] = size;
    return;
  }
  if (toRegister && reg === NONE) return killHighByte(d.reg, rva, out);
  const i = out.add(toRegister ? Op.load : Op.store, rva);
  if (toRegister) out.dst[i] = reg;
  else out.source[i] = reg;
  out.size[i] = !toRegister && reg === NONE ? 0 : size;
  setMemory(d, out, i);
}

/** Loads the memory operand where the next operation can take it from; returns the register. */
export function loadScratch(d: X86Decoder, rva: number, out: OperationList, size: number): number {
  const i = out.add(Op.load, rva);
  out.dst[i] = SCRATCH;
  out.size[i] = size;
  setMemory(d, out, i);
  return SCRATCH;
}

/** add, or, adc, sbb, and, sub, xor, shifts: `rm OP= register`, `register OP= rm` or `rm OP= immediate`. */
export function binary(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  alu: number,
  size: number,
  form: 'rm,reg' | 'reg,rm' | 'rm,imm',
): void {
  if (alu === 7) return compare(d, rva, out, size, form);
  const target = form === 'reg,rm' ? d.reg : d.rm;
  if (form !== 'reg,rm' && d.mod !== 3) return binaryInMemory(d, rva, out, alu, size, form);
  if (size < 4 && (alu === Alu.shiftLeft || alu >= Alu.shiftRight)) return kill(target & 15, rva, out);
  if (size === 1 && byteRegister(d, target) === NONE) return killHighByte(target, rva, out);
  const other = form === 'reg,rm' ? (d.mod === 3 ? d.rm : loadScratch(d, rva, out, size)) : d.reg;
  const i = out.add(Op.binary, rva);
  out.alu[i] = alu;
  out.dst[i] = target;
  out.left[i] = target;
  out.size[i] = size;
  if (form === 'rm,imm') setImmediate(d, out, i);
  else {
    out.source[i] = other;
    if (size === 1 && byteRegister(d, out.source[i]) === NONE) {
      out.op[i] = Op.kill;
      out.source[i] = NONE;
    }
  }
}

/** `memory OP= register` and `memory OP= immediate`. */
function binaryInMemory(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  alu: number,
  size: number,
  form: 'rm,reg' | 'rm,imm',
): void {
  if (size < 4) return killRm(d, rva, out);
  loadScratch(d, rva, out, size);
  const i = out.add(Op.binary, rva);
  out.alu[i] = alu;
  out.dst[i] = SCRATCH;
  out.left[i] = SCRATCH;
  out.size[i] = size;
  if (form === 'rm,imm') setImmediate(d, out, i);
  else out.source[i] = d.reg;
  const store = out.add(Op.store, rva);
  out.source[store] = SCRATCH;
  out.size[store] = size;
  setMemory(d, out, store);
}

/** cmp: only of whole registers and memory of that size, which is what numbers are compared in. */
function compare(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  size: number,
  form: 'rm,reg' | 'reg,rm' | 'rm,imm',
): void {
  if (size < 4) {
    out.add(Op.nothing, rva);
    return;
  }
  const rm = d.mod === 3 ? d.rm : loadScratch(d, rva, out, size);
  const i = out.add(Op.compare, rva);
  out.left[i] = form === 'reg,rm' ? d.reg : rm;
  out.size[i] = size;
  if (form === 'rm,imm') setImmediate(d, out, i);
  else out.source[i] = form === 'reg,rm' ? rm : d.reg;
}

/** `test reg, reg` compares the register with zero; other tests look at bits, which says little of the number. */
export function testRegister(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  if (size < 4 || d.mod !== 3 || d.reg !== d.rm) {
    out.add(Op.nothing, rva);
    return;
  }
  const i = out.add(Op.compare, rva);
  out.left[i] = d.rm;
  out.size[i] = size;
}

/** A conditional jump; the condition is the opcode's low half. */
export function conditionalBranch(d: X86Decoder, rva: number, out: OperationList): void {
  branchTo(d, rva, out, Op.branch);
  out.alu[out.count - 1] = d.opcode & 15;
}

/** A call, jump or branch to the address that the immediate tells. */
export function branchTo(d: X86Decoder, rva: number, out: OperationList, op: number): void {
  out.low[out.add(op, rva)] = rva + d.length + d.immediate;
}

/** `reg = rm` extended from `size` bytes. */
export function extend(d: X86Decoder, rva: number, out: OperationList, op: number, size: number): void {
  if (d.mod === 3) {
    const source = size === 1 ? byteRegister(d, d.rm) : d.rm;
    if (source === NONE) return kill(d.reg, rva, out);
    const i = out.add(op, rva);
    out.dst[i] = d.reg;
    out.source[i] = source;
    out.size[i] = size;
    return;
  }
  if (size === 4) {
    const i = out.add(Op.load, rva);
    out.dst[i] = d.reg;
    out.size[i] = 4;
    return setMemory(d, out, i);
  }
  kill(d.reg, rva, out);
  if (d.reg === NONE || d.base >= VECTOR0) return;
  // Where the character stands is for who carries the function out: see WorkedOutResults.
  out.size[out.count - 1] = size;
  setMemory(d, out, out.count - 1);
}
