/** What single instructions of the one-byte opcode map do, where more than a line is needed. */
import { Alu, NONE, Op, type OperationList, X86 } from '../operations.ts';
import {
  byteRegister,
  kill,
  killHighByte,
  killMany,
  loadScratch,
  MASK,
  setImmediate,
  setMemory,
} from './emit.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** `rm = immediate`. */
export function moveImmediate(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  if (d.mod === 3) return moveImmediateTo(d.rm, d, rva, out, size);
  const i = out.add(Op.store, rva);
  out.size[i] = size;
  setMemory(d, out, i);
  setImmediate(d, out, i);
}

/** The register is as encoded: of one byte, it may be the second one of a register. */
export function moveImmediateTo(
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
export function block(
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

/**
 * What `movs` and `stos` do to a pointer: where they are not repeated it is one unit further on, and structures are copied by a
 * row of them. As far as this is followed, the direction flag is clear.
 */
export function advance(
  d: X86Decoder,
  register: number,
  unit: number,
  rva: number,
  out: OperationList,
): void {
  const i = out.add(d.repeat === 0 ? Op.address : Op.kill, rva);
  out.dst[i] = register;
  out.base[i] = register;
  out.displacement[i] = unit;
}

/** The register that the opcode itself names. */
export function opcodeRegister(d: X86Decoder): number {
  return (d.opcode & 7) | ((d.rex & 1) << 3);
}

/** inc and dec of a register, in 32-bit code: in 64-bit code these are prefixes. */
export function step(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const register = d.opcode & 7;
  const i = out.add(Op.binary, rva);
  out.dst[i] = register;
  out.left[i] = register;
  out.alu[i] = d.opcode < 0x48 ? Alu.add : Alu.subtract;
  out.low[i] = 1;
  out.size[i] = size;
}

export function pushRegister(d: X86Decoder, rva: number, out: OperationList): void {
  out.source[out.add(Op.push, rva)] = opcodeRegister(d);
}

export function popRegister(d: X86Decoder, rva: number, out: OperationList): void {
  out.dst[out.add(Op.pop, rva)] = opcodeRegister(d);
}

export function pushAll(_d: X86Decoder, rva: number, out: OperationList): void {
  for (let i = 0; i < 8; i++) out.size[out.add(Op.push, rva)] = 1;
}

export function popAll(_d: X86Decoder, rva: number, out: OperationList): void {
  for (let i = 7; i >= 0; i--) if (i !== X86.sp) out.dst[out.add(Op.pop, rva)] = i;
}

/** A push of something that is not followed. */
export function pushOther(_d: X86Decoder, rva: number, out: OperationList): void {
  out.size[out.add(Op.push, rva)] = 1;
}

export function pushImmediate(d: X86Decoder, rva: number, out: OperationList): void {
  setImmediate(d, out, out.add(Op.push, rva));
}

/** `reg = rm * immediate`. */
export function multiply(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const factor = d.mod === 3 ? d.rm : loadScratch(d, rva, out, size);
  const i = out.add(Op.binary, rva);
  out.alu[i] = Alu.multiply;
  out.dst[i] = d.reg;
  out.left[i] = factor;
  out.size[i] = size;
  setImmediate(d, out, i);
}

/** lea */
export function address(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  if (d.mod === 3) return void out.add(Op.stop, rva);
  const i = out.add(Op.address, rva);
  out.dst[i] = d.reg;
  out.size[i] = size;
  setMemory(d, out, i);
}

export function popRm(d: X86Decoder, rva: number, out: OperationList): void {
  const i = out.add(Op.pop, rva);
  if (d.mod === 3) out.dst[i] = d.rm;
}

/** eax to or from memory at an address that the instruction holds. */
export function moveOffset(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const isLoad = d.opcode === 0xa1;
  const i = out.add(isLoad ? Op.load : Op.store, rva);
  if (isLoad) out.dst[i] = X86.ax;
  else out.source[i] = X86.ax;
  out.size[i] = size;
  setMemory(d, out, i);
}

/** What an instruction on texts counts with, where it is repeated. */
export function counted(d: X86Decoder): number {
  return d.repeat === 0 ? 0 : MASK.count;
}

/** ret, which pops so many bytes of arguments. */
export function returnPopping(d: X86Decoder, rva: number, out: OperationList): void {
  out.low[out.add(Op.return, rva)] = d.immediate & 0xffff;
}

export function enter(_d: X86Decoder, rva: number, out: OperationList): void {
  out.source[out.add(Op.push, rva)] = X86.bp;
  kill(X86.bp, rva, out);
}

export function leave(d: X86Decoder, rva: number, out: OperationList): void {
  const i = out.add(Op.move, rva);
  out.dst[i] = X86.sp;
  out.source[i] = X86.bp;
  out.size[i] = d.is64 ? 8 : 4;
  out.dst[out.add(Op.pop, rva)] = X86.bp;
}

/** int 29h ends the system (fastfail); other numbers come back. */
export function interrupt(d: X86Decoder, rva: number, out: OperationList): void {
  if ((d.immediate & 0xff) === 0x29) out.add(Op.stop, rva);
  else killMany(MASK.accumulator, rva, out);
}

/** xchg of eax with another register; nop is one of eax with itself. */
export function exchange(d: X86Decoder, rva: number, out: OperationList): void {
  const register = opcodeRegister(d);
  if (register === X86.ax) return void out.add(Op.nothing, rva);
  kill(register, rva, out);
  kill(X86.ax, rva, out);
}
