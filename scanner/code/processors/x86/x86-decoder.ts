/** Steps through x86 and x64 instructions: lengths and operands. `x86-operations.ts` gives them their meaning. */
import { readInt32 } from '../../bytes/little-endian.ts';
import { BASE_ELSEWHERE, BASE_IMAGE, NONE, SUM_SCALE } from '../operations.ts';
import { Follows, ONE_BYTE, OpcodeBit, TWO_BYTE } from './opcode-maps.ts';

/** The longest instruction the processor accepts. */
const MAX_LENGTH = 15;

/** Which map the opcode stands in. */
export const OpcodeMap = { oneByte: 0, twoByte: 1, threeByte38: 2, threeByte3a: 3, vector: 4 } as const;

/**
 * One decoded instruction; `decode` overwrites it. Kept as fields of one object, since an object for every
 * instruction would cost more than decoding it.
 */
export class X86Decoder {
  readonly is64: boolean;
  readonly #imageBase: number;
  /** Whether the loader relocates the four bytes at this RVA: then they hold an address. */
  readonly #isRelocated: (rva: number) => boolean;

  map = 0;
  opcode = 0;
  /** REX bits: 8 W, 4 R, 2 X, 1 B. */
  rex = 0;
  hasRex = false;
  operand16 = false;
  /** 0, 0xF2 or 0xF3. */
  repeat = 0;
  modrm = 0;
  /** The operand in memory, where `mod` is not 3. */
  mod = 3;
  reg = 0;
  rm = 0;
  base: number = NONE;
  index: number = NONE;
  /** In [table + register + register*4], where `base` is the image: the register that is not multiplied. */
  unscaled: number = NONE;
  scale = 0;
  displacement = 0;
  immediate = 0;
  immediateHigh = 0;
  /** The immediate is an RVA of the image. */
  immediateIsAddress = false;
  length = 0;
  /** The opcode map that a VEX or EVEX prefix names. */
  #vectorMap = 0;
  /** The displacement counts from the end of the instruction. */
  #isRipRelative = false;

  constructor(is64: boolean, imageBase: number, isRelocated: (rva: number) => boolean) {
    this.is64 = is64;
    this.#imageBase = imageBase;
    this.#isRelocated = isRelocated;
  }

  /** Decodes at `position`; returns the length in bytes, 0 where there is no instruction or it ends past `end`. */
  decode(bytes: Uint8Array, position: number, end: number, rva: number): number {
    const limit = Math.min(end, position + MAX_LENGTH);
    let p = position;
    let segment = false;
    let address16or32 = false;
    this.rex = 0;
    this.hasRex = false;
    this.operand16 = false;
    this.repeat = 0;
    this.map = OpcodeMap.oneByte;
    let opcode = 0;
    for (;;) {
      if (p >= limit) return 0;
      opcode = bytes[p++];
      if ((ONE_BYTE[opcode] & OpcodeBit.prefix) !== 0) {
        this.rex = 0;
        this.hasRex = false;
        if (opcode === 0x66) this.operand16 = true;
        else if (opcode === 0x67) address16or32 = true;
        else if (opcode === 0xf2 || opcode === 0xf3) this.repeat = opcode;
        else if (opcode === 0x64 || opcode === 0x65) segment = true;
        continue;
      }
      if (this.is64 && (opcode & 0xf0) === 0x40) {
        this.rex = opcode & 15;
        this.hasRex = true;
        continue;
      }
      break;
    }
    let row = ONE_BYTE[opcode];
    if (opcode === 0x0f) {
      if (p >= limit) return 0;
      opcode = bytes[p++];
      if (opcode === 0x38 || opcode === 0x3a) {
        this.map = opcode === 0x38 ? OpcodeMap.threeByte38 : OpcodeMap.threeByte3a;
        row = opcode === 0x38 ? OpcodeBit.modrm : OpcodeBit.modrm | Follows.byte;
        if (p >= limit) return 0;
        opcode = bytes[p++];
      } else {
        this.map = OpcodeMap.twoByte;
        row = TWO_BYTE[opcode];
      }
    } else if (
      (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62) &&
      p < limit &&
      (this.is64 || bytes[p] >= 0xc0)
    ) {
      p = this.#vectorPrefix(bytes, p, limit, opcode);
      if (p === 0) return 0;
      opcode = this.opcode;
      row = this.#vectorRow(opcode);
    } else if (opcode === 0x8f && p < limit && (bytes[p] & 0x1f) >= 8) {
      return 0; // AMD's XOP: no compiler of drivers emits it
    }
    if ((row & OpcodeBit.invalid) !== 0 || (this.is64 && (row & OpcodeBit.invalid64) !== 0)) return 0;
    this.opcode = opcode;
    this.base = NONE;
    this.index = NONE;
    this.unscaled = NONE;
    this.mod = 3;
    this.modrm = 0;
    this.reg = 0;
    this.rm = 0;
    this.#isRipRelative = false;
    if ((row & OpcodeBit.modrm) !== 0) {
      if (p >= limit) return 0;
      this.#setModrm(bytes[p++]);
      if (this.mod !== 3) {
        p =
          address16or32 && !this.is64
            ? this.#address16(p, limit)
            : this.#address32(bytes, p, limit, rva - position);
        if (p === 0) return 0;
        if (segment) this.base = BASE_ELSEWHERE;
      }
    }
    p = this.#follow(bytes, p, limit, row & OpcodeBit.follows, rva - position, address16or32);
    if (p === 0) return 0;
    this.length = p - position;
    if (this.#isRipRelative) this.displacement = (this.displacement + rva + this.length) | 0;
    return this.length;
  }

  #setModrm(modrm: number): void {
    this.modrm = modrm;
    this.reg = ((modrm >> 3) & 7) | ((this.rex & 4) << 1);
    this.rm = (modrm & 7) | ((this.rex & 1) << 3);
    // Moves from and to control and debug registers have no memory form.
    const hasMemoryForm = this.map !== OpcodeMap.twoByte || this.opcode < 0x20 || this.opcode > 0x23;
    this.mod = hasMemoryForm ? modrm >> 6 : 3;
  }

  /** The operand in memory: SIB byte and displacement. Like all below, returns the position behind it, 0 past `limit`. */
  #address32(bytes: Uint8Array, start: number, limit: number, rvaOfZero: number): number {
    let p = start;
    let base = this.modrm & 7;
    if (base === 4) {
      if (p >= limit) return 0;
      const sib = bytes[p++];
      this.scale = sib >> 6;
      const index = ((sib >> 3) & 7) | ((this.rex & 2) << 2);
      this.index = index === 4 ? NONE : index;
      base = sib & 7;
    } else if (base === 5 && this.mod === 0 && this.is64) {
      if (p + 4 > limit) return 0;
      this.displacement = readInt32(bytes, p);
      this.base = BASE_IMAGE;
      this.#isRipRelative = true;
      return p + 4;
    }
    if (base === 5 && this.mod === 0) return this.#displacement32(bytes, p, limit, rvaOfZero);
    this.base = base | ((this.rex & 1) << 3);
    if (this.mod === 0) this.displacement = 0;
    else if (this.mod === 2) return this.#displacementAndBase(bytes, p, limit, rvaOfZero);
    else {
      if (p >= limit) return 0;
      this.displacement = (bytes[p++] << 24) >> 24;
    }
    return p;
  }

  /** Four bytes of displacement behind a register: an address is a table walked by the register. */
  #displacementAndBase(bytes: Uint8Array, p: number, limit: number, rvaOfZero: number): number {
    const register = this.base;
    const next = this.#displacement32(bytes, p, limit, rvaOfZero);
    if (next === 0 || this.base !== BASE_IMAGE) return next;
    if (this.index === NONE) {
      this.index = register;
      this.scale = 0;
    } else if (this.index === register) {
      this.scale |= SUM_SCALE; // [table + register + register*4]
    } else this.unscaled = register;
    return next;
  }

  /** Four bytes of displacement without a base register (or with one: the caller keeps it): an address where relocated. */
  #displacement32(bytes: Uint8Array, p: number, limit: number, rvaOfZero: number): number {
    if (p + 4 > limit) return 0;
    const value = readInt32(bytes, p);
    if (!this.is64 && this.#isRelocated(rvaOfZero + p)) {
      this.displacement = ((value >>> 0) - this.#imageBase) | 0;
      this.base = BASE_IMAGE;
    } else {
      this.displacement = value;
      if (this.base === NONE && this.index === NONE) this.base = BASE_ELSEWHERE;
    }
    return p + 4;
  }

  /** Addresses of 16 bits, which drivers have no use for, are only passed over. */
  #address16(p: number, limit: number): number {
    this.base = BASE_ELSEWHERE;
    const extra = this.mod === 1 ? 1 : this.mod === 2 || (this.modrm & 7) === 6 ? 2 : 0;
    return p + extra <= limit ? p + extra : 0;
  }

  /** VEX and EVEX: leaves the opcode in `this.opcode` and returns the position behind it. */
  #vectorPrefix(bytes: Uint8Array, p: number, limit: number, first: number): number {
    const size = first === 0xc5 ? 1 : first === 0xc4 ? 2 : 3;
    if (p + size >= limit) return 0;
    const bits = bytes[p];
    const vectorMap = first === 0xc5 ? 1 : bits & (first === 0xc4 ? 0x1f : 0x07);
    this.rex =
      ((bits & 0x80) === 0 ? 4 : 0) |
      (first !== 0xc5 ? ((bits & 0x40) === 0 ? 2 : 0) | ((bits & 0x20) === 0 ? 1 : 0) : 0);
    if (!this.is64) this.rex = 0;
    this.map = OpcodeMap.vector;
    this.opcode = bytes[p + size];
    this.#vectorMap = vectorMap;
    return p + size + 1;
  }

  #vectorRow(opcode: number): number {
    if (this.#vectorMap === 3) return OpcodeBit.modrm | Follows.byte;
    if (this.#vectorMap !== 1)
      return this.#vectorMap >= 2 && this.#vectorMap <= 6 ? OpcodeBit.modrm : OpcodeBit.invalid;
    if (opcode === 0x77) return Follows.nothing;
    return (TWO_BYTE[opcode] & OpcodeBit.follows) === Follows.byte
      ? OpcodeBit.modrm | Follows.byte
      : OpcodeBit.modrm;
  }

  /** Reads the immediate; returns the position behind it or 0. */
  #follow(
    bytes: Uint8Array,
    p: number,
    limit: number,
    follows: number,
    rvaOfZero: number,
    address32: boolean,
  ): number {
    this.immediate = 0;
    this.immediateHigh = 0;
    this.immediateIsAddress = false;
    let kind = follows;
    if (kind >= Follows.group3Byte) {
      if (((this.modrm >> 3) & 7) > 1) return p;
      kind = kind === Follows.group3Byte ? Follows.byte : Follows.operand;
    }
    switch (kind) {
      case Follows.nothing:
        return p;
      case Follows.byte:
      case Follows.relativeByte:
        if (p >= limit) return 0;
        this.#setImmediate((bytes[p] << 24) >> 24);
        return p + 1;
      case Follows.word:
        if (p + 2 > limit) return 0;
        this.immediate = bytes[p] | (bytes[p + 1] << 8);
        return p + 2;
      case Follows.wordAndByte:
        return p + 3 <= limit ? p + 3 : 0;
      case Follows.farPointer: {
        const size = this.operand16 ? 4 : 6;
        return p + size <= limit ? p + size : 0;
      }
      case Follows.offset: {
        const size = this.is64 ? (address32 ? 4 : 8) : address32 ? 2 : 4;
        if (p + size > limit) return 0;
        this.base = BASE_ELSEWHERE;
        if (size === 4 && !this.is64) {
          this.base = NONE;
          this.#displacement32(bytes, p, limit, rvaOfZero);
        }
        this.mod = 0;
        return p + size;
      }
      case Follows.full:
        if ((this.rex & 8) !== 0) {
          if (p + 8 > limit) return 0;
          this.immediate = readInt32(bytes, p);
          this.immediateHigh = readInt32(bytes, p + 4);
          if (this.#isRelocated(rvaOfZero + p)) this.#immediateAddress();
          return p + 8;
        }
    }
    // A 66 prefix does not shorten a near branch in 64-bit mode.
    if (this.operand16 && (this.rex & 8) === 0 && !(this.is64 && kind === Follows.relative)) {
      if (p + 2 > limit) return 0;
      this.#setImmediate(((bytes[p] | (bytes[p + 1] << 8)) << 16) >> 16);
      return p + 2;
    }
    if (p + 4 > limit) return 0;
    this.#setImmediate(readInt32(bytes, p));
    if (!this.is64 && kind !== Follows.relative && this.#isRelocated(rvaOfZero + p)) this.#immediateAddress();
    return p + 4;
  }

  #setImmediate(value: number): void {
    this.immediate = value;
    this.immediateHigh = value >> 31;
  }

  #immediateAddress(): void {
    const address = (this.immediate >>> 0) + (this.is64 ? this.immediateHigh * 2 ** 32 : 0);
    this.immediate = (address - this.#imageBase) | 0;
    this.immediateHigh = 0;
    this.immediateIsAddress = true;
  }
}
