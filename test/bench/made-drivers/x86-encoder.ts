/** X86Encoder: instructions with a ModRM operand, branches and calls, for x64 and x86 from one description. */
import type { CodeBuffer } from './code-buffer.ts';

export const R = {
  ax: 0,
  cx: 1,
  dx: 2,
  bx: 3,
  sp: 4,
  bp: 5,
  si: 6,
  di: 7,
  r8: 8,
  r9: 9,
  r12: 12,
  r14: 14,
  r15: 15,
} as const;

/** A place in memory behind a register, or one of the image. */
export type Memory = { base: number; displacement: number } | { rva: number };

export class X86Encoder {
  readonly out: CodeBuffer;
  readonly is64: boolean;
  readonly relocations: number[] = [];
  readonly #imageBase: number;

  constructor(out: CodeBuffer, is64: boolean, imageBase: number) {
    this.out = out;
    this.is64 = is64;
    this.#imageBase = imageBase;
  }

  /** An instruction with a memory operand. `immediateBytes` follow it; the caller writes them. */
  memory(opcode: number[], reg: number, memory: Memory, { wide = false, immediateBytes = 0 } = {}): void {
    const { out } = this;
    const base = 'base' in memory ? memory.base : 0;
    this.#rexAndOpcode(opcode, reg, base, wide);
    const field = (reg & 7) << 3;
    if ('rva' in memory) {
      out.u8(field | 5);
      if (this.is64) out.u32((memory.rva - (out.here + 4 + immediateBytes)) >>> 0);
      else this.address(memory.rva);
      return;
    }
    const { displacement } = memory;
    const isShort = displacement >= -128 && displacement < 128;
    const mod = displacement === 0 && (base & 7) !== 5 ? 0 : isShort ? 1 : 2;
    out.u8((mod << 6) | field | (base & 7));
    if ((base & 7) === R.sp) out.u8(0x24);
    if (mod === 1) out.u8(displacement & 0xff);
    else if (mod === 2) out.u32(displacement >>> 0);
  }

  /** An instruction with two registers. */
  registers(opcode: number[], reg: number, rm: number, wide = false): void {
    this.#rexAndOpcode(opcode, reg, rm, wide);
    this.out.u8(0xc0 | ((reg & 7) << 3) | (rm & 7));
  }

  moveImmediate(register: number, value: number): void {
    if (register > 7) this.out.u8(0x41);
    this.out.u8(0xb8 | (register & 7)).u32(value >>> 0);
  }

  push(register: number): void {
    if (register > 7) this.out.u8(0x41);
    this.out.u8(0x50 | (register & 7));
  }

  pop(register: number): void {
    if (register > 7) this.out.u8(0x41);
    this.out.u8(0x58 | (register & 7));
  }

  /** Adds to the stack pointer. */
  moveStack(bytes: number): void {
    if (this.is64) this.out.u8(0x48);
    const amount = Math.abs(bytes);
    const modrm = bytes < 0 ? 0xec : 0xc4;
    if (amount < 128) this.out.u8(0x83, modrm, amount);
    else this.out.u8(0x81, modrm).u32(amount);
  }

  /** A conditional jump of two bytes with its target open; returns where to patch. */
  shortBranch(condition: number): number {
    this.out.u8(0x70 | condition, 0);
    return this.out.here - 1;
  }

  /** A conditional jump of six bytes with its target open; returns where to patch. */
  longBranch(condition: number): number {
    this.out.u8(0x0f, 0x80 | condition).u32(0);
    return this.out.here - 4;
  }

  /** Makes a branch lead to what is written next; false where a short one does not reach. */
  land(at: number, isShort: boolean): boolean {
    const distance = this.out.here - at - (isShort ? 1 : 4);
    if (!isShort) this.out.patchU32(at, distance);
    else if (distance < 128) this.out.patchU8(at, distance);
    else return false;
    return true;
  }

  /** A relative call or jump with its target open; returns where to patch. */
  relative(opcode: 0xe8 | 0xe9): number {
    this.out.u8(opcode).u32(0);
    return this.out.here - 4;
  }

  /** Four bytes of absolute address, relocated (x86). */
  address(rva: number): void {
    this.relocations.push(this.out.here);
    this.out.u32((this.#imageBase + rva) >>> 0);
  }

  #rexAndOpcode(opcode: number[], reg: number, rm: number, wide: boolean): void {
    const rex = (wide && this.is64 ? 8 : 0) | (reg > 7 ? 4 : 0) | (rm > 7 ? 1 : 0);
    // Mandatory prefixes stand before REX.
    const prefixes = opcode[0] === 0xf3 || opcode[0] === 0x66 ? 1 : 0;
    this.out.u8(...opcode.slice(0, prefixes));
    if (rex !== 0) this.out.u8(0x40 | rex);
    this.out.u8(...opcode.slice(prefixes));
  }
}
