/** Gives x86 and x64 instructions their meaning as operations: what moves constants about, and what calls. */
import { Alu, Flag, NONE, Op, type OperationList, VECTOR0, X86 } from './operations.ts';
import { OpcodeMap, type X86Decoder } from './x86-decoder.ts';

const ACCUMULATOR = 1 << X86.ax;
const DATA = 1 << X86.dx;
const COUNT = 1 << X86.cx;
const BASE = 1 << X86.bx;
const SOURCE = 1 << X86.si;
const DESTINATION = 1 << X86.di;

/** Appends what the decoder's current instruction at `rva` does; most give one operation, some two, some `nothing`. */
export function appendX86(d: X86Decoder, rva: number, out: OperationList): void {
  const first = out.count;
  if (d.map === OpcodeMap.oneByte) oneByte(d, rva, out);
  else if (d.map === OpcodeMap.twoByte) twoByte(d, rva, out);
  else if (d.map === OpcodeMap.threeByte38) killOperands(d, rva, out, d.opcode >= 0xf0);
  else if (d.map === OpcodeMap.threeByte3a) threeByte3a(d, rva, out);
  else killOperands(d, rva, out, false);
  if (out.count === first) out.add(Op.nothing, rva); // every instruction has a place to be found at
  const next = rva + d.length;
  for (let i = first; i < out.count; i++) out.nextRva[i] = next;
}

function operandSize(d: X86Decoder): number {
  return (d.rex & 8) !== 0 ? 8 : d.operand16 ? 2 : 4;
}

/** The register a byte operand names, or NONE for ah, ch, dh and bh. */
function byteRegister(d: X86Decoder, register: number): number {
  return !d.hasRex && register >= 4 && register < 8 ? NONE : register;
}

function setMemory(d: X86Decoder, out: OperationList, i: number): void {
  out.base[i] = d.base;
  out.index[i] = d.index;
  out.scale[i] = d.index === NONE ? 0 : d.scale;
  out.displacement[i] = d.displacement;
}

function setImmediate(d: X86Decoder, out: OperationList, i: number): void {
  out.low[i] = d.immediate;
  out.high[i] = d.immediateHigh;
  if (d.immediateIsAddress) out.flags[i] = Flag.immediateIsAddress;
}

function kill(register: number, rva: number, out: OperationList): void {
  if (register === NONE) return;
  out.dst[out.add(Op.kill, rva)] = register;
}

/** A write to ah, ch, dh or bh spoils the whole register. */
function killHighByte(register: number, rva: number, out: OperationList): void {
  kill(register & 3, rva, out);
}

function killMany(mask: number, rva: number, out: OperationList): void {
  out.low[out.add(Op.killMany, rva)] = mask;
}

/** An instruction that writes its ModRM operand in a way that is not followed. */
function killRm(d: X86Decoder, rva: number, out: OperationList): void {
  if (d.mod === 3) kill(d.rm, rva, out);
  else if (d.base === NONE || d.base < VECTOR0) {
    const i = out.add(Op.store, rva); // its value is unknown: no source and size of an unfollowed write
    out.size[i] = 0;
    setMemory(d, out, i);
  }
}

/** `rm = register` or `register = rm`. */
function move(d: X86Decoder, rva: number, out: OperationList, size: number, toRegister: boolean): void {
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

/** `rm = immediate`. */
function moveImmediate(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  if (d.mod === 3) return moveImmediateTo(size === 1 ? byteRegister(d, d.rm) : d.rm, d, rva, out, size);
  const i = out.add(Op.store, rva);
  out.size[i] = size;
  setMemory(d, out, i);
  setImmediate(d, out, i);
}

function moveImmediateTo(
  register: number,
  d: X86Decoder,
  rva: number,
  out: OperationList,
  size: number,
): void {
  if (register === NONE) return killHighByte(d.map === 0 && d.opcode >= 0xb0 ? d.opcode : d.rm, rva, out);
  const i = out.add(Op.move, rva);
  out.dst[i] = register;
  out.size[i] = size;
  setImmediate(d, out, i);
  if (size === 4) out.high[i] = 0;
}

/** add, or, adc, sbb, and, sub, xor, shifts: `rm OP= register`, `register OP= rm` or `rm OP= immediate`. */
function binary(
  d: X86Decoder,
  rva: number,
  out: OperationList,
  alu: number,
  size: number,
  form: 'rm,reg' | 'reg,rm' | 'rm,imm',
): void {
  if (alu === 7) {
    out.add(Op.nothing, rva); // cmp
    return;
  }
  const target = form === 'reg,rm' ? d.reg : d.rm;
  if (form !== 'reg,rm' && d.mod !== 3) return killRm(d, rva, out);
  if (size < 4 && (alu === Alu.shiftLeft || alu >= Alu.shiftRight)) return kill(target & 15, rva, out);
  if (size === 1 && byteRegister(d, target) === NONE) return killHighByte(target, rva, out);
  if (form === 'reg,rm' && d.mod !== 3) return kill(target, rva, out); // arithmetic with memory is not followed
  const i = out.add(Op.binary, rva);
  out.alu[i] = alu;
  out.dst[i] = target;
  out.left[i] = target;
  out.size[i] = size;
  if (form === 'rm,imm') setImmediate(d, out, i);
  else {
    out.source[i] = form === 'reg,rm' ? d.rm : d.reg;
    if (size === 1 && byteRegister(d, out.source[i]) === NONE) {
      out.op[i] = Op.kill;
      out.source[i] = NONE;
    }
  }
}

/** Calls and jumps through a register or memory. */
function indirect(d: X86Decoder, rva: number, out: OperationList, op: number): void {
  const i = out.add(op, rva);
  if (d.mod === 3) out.source[i] = d.rm;
  else setMemory(d, out, i);
}

function branchTo(d: X86Decoder, rva: number, out: OperationList, op: number): void {
  out.low[out.add(op, rva)] = rva + d.length + d.immediate;
}

function oneByte(d: X86Decoder, rva: number, out: OperationList): void {
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
    const i = out.add(Op.push, rva);
    out.source[i] = (opcode & 7) | ((d.rex & 1) << 3);
    return;
  }
  if (opcode < 0x60) {
    out.dst[out.add(Op.pop, rva)] = (opcode & 7) | ((d.rex & 1) << 3);
    return;
  }
  if (opcode >= 0x70 && opcode < 0x80) return branchTo(d, rva, out, Op.branch);
  if (opcode >= 0xb0 && opcode < 0xb8) {
    const register = (opcode & 7) | ((d.rex & 1) << 3);
    return moveImmediateTo(byteRegister(d, register), d, rva, out, 1);
  }
  if (opcode >= 0xb8 && opcode < 0xc0) {
    return moveImmediateTo((opcode & 7) | ((d.rex & 1) << 3), d, rva, out, size);
  }
  switch (opcode) {
    case 0x63:
      return d.is64 ? extend(d, rva, out, Op.signExtend, 4) : void out.add(Op.nothing, rva);
    case 0x68:
    case 0x6a: {
      const i = out.add(Op.push, rva);
      return setImmediate(d, out, i);
    }
    case 0x69:
    case 0x6b: {
      if (d.mod !== 3) return kill(d.reg, rva, out);
      const i = out.add(Op.binary, rva);
      out.alu[i] = Alu.multiply;
      out.dst[i] = d.reg;
      out.left[i] = d.rm;
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
    case 0xa6:
    case 0xa7:
      return killMany(SOURCE | DESTINATION | (d.repeat === 0 ? 0 : COUNT), rva, out);
    case 0xaa:
    case 0xab:
    case 0xae:
    case 0xaf:
      return killMany(DESTINATION | (d.repeat === 0 ? 0 : COUNT), rva, out);
    case 0xac:
    case 0xad:
      return killMany(SOURCE | ACCUMULATOR, rva, out);
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
      else killMany(ACCUMULATOR, rva, out);
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
  if (opcode > 0x90 && opcode < 0x98) {
    kill((opcode & 7) | ((d.rex & 1) << 3), rva, out);
    return kill(X86.ax, rva, out);
  }
  if (opcode === 0x90 && (d.rex & 1) !== 0) {
    kill(8, rva, out);
    return kill(X86.ax, rva, out);
  }
  if (opcode === 0x60) {
    for (let i = 0; i < 8; i++) out.size[out.add(Op.push, rva)] = 1;
    return;
  }
  if (opcode === 0x61) {
    for (let i = 7; i >= 0; i--) if (i !== X86.sp) out.dst[out.add(Op.pop, rva)] = i;
    return;
  }
  if (!d.is64 && (opcode === 0xea || opcode === 0x9a)) return void out.add(Op.stop, rva);
  if (opcode >= 0xd8 && opcode <= 0xdf && d.opcode === 0xdf && d.modrm === 0xe0)
    return kill(X86.ax, rva, out);
  out.add(Op.nothing, rva);
}

function arithmeticRow(d: X86Decoder, rva: number, out: OperationList): void {
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

function shift(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const kind = (d.modrm >> 3) & 7;
  const width = d.opcode & 1 ? size : 1;
  const alu =
    kind === 4 || kind === 6
      ? Alu.shiftLeft
      : kind === 5
        ? Alu.shiftRight
        : kind === 7
          ? Alu.shiftRightSigned
          : -1;
  if (alu < 0 || d.mod !== 3 || width < 4) return killRm(d, rva, out);
  d.immediate &= size === 8 ? 63 : 31;
  d.immediateHigh = 0;
  binary(d, rva, out, alu, width, 'rm,imm');
}

function group3(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  const kind = (d.modrm >> 3) & 7;
  if (kind < 2) return void out.add(Op.nothing, rva);
  if (kind >= 4) return killMany(ACCUMULATOR | (size === 1 ? 0 : DATA), rva, out);
  if (d.mod !== 3 || size < 4) return killRm(d, rva, out);
  const i = out.add(kind === 2 ? Op.invert : Op.negate, rva);
  out.dst[i] = d.rm;
  out.source[i] = d.rm;
  out.size[i] = size;
}

function group5(d: X86Decoder, rva: number, out: OperationList, size: number): void {
  switch ((d.modrm >> 3) & 7) {
    case 0:
    case 1: {
      if (d.mod !== 3) return killRm(d, rva, out);
      const i = out.add(Op.binary, rva);
      out.alu[i] = ((d.modrm >> 3) & 7) === 0 ? Alu.add : Alu.subtract;
      out.dst[i] = d.rm;
      out.left[i] = d.rm;
      out.low[i] = 1;
      out.size[i] = size;
      return;
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

function extend(d: X86Decoder, rva: number, out: OperationList, op: number, size: number): void {
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
}

function twoByte(d: X86Decoder, rva: number, out: OperationList): void {
  const opcode = d.opcode;
  if (opcode >= 0x80 && opcode < 0x90) return branchTo(d, rva, out, Op.branch);
  if (opcode >= 0x40 && opcode < 0x50) {
    if (d.mod !== 3) return kill(d.reg, rva, out);
    const i = out.add(Op.select, rva);
    out.dst[i] = d.reg;
    out.left[i] = d.reg;
    out.source[i] = d.rm;
    out.size[i] = operandSize(d);
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
  if (opcode >= 0xc8 && opcode < 0xd0) return kill((opcode & 7) | ((d.rex & 1) << 3), rva, out);
  if (vectorMove(d, rva, out)) return;
  switch (opcode) {
    case 0x05:
    case 0x34:
      return killMany(ACCUMULATOR | COUNT | (1 << 11), rva, out);
    case 0x0b:
    case 0xb9:
      out.add(Op.stop, rva);
      return;
    case 0x01:
      return d.mod === 3 ? killMany(ACCUMULATOR | DATA, rva, out) : void out.add(Op.nothing, rva);
    case 0x20:
    case 0x21:
    case 0x00:
      return kill(d.rm, rva, out);
    case 0x31:
    case 0x32:
    case 0x33:
      return killMany(ACCUMULATOR | DATA | (opcode === 0x31 ? 0 : 0), rva, out);
    case 0xa2:
      return killMany(ACCUMULATOR | BASE | COUNT | DATA, rva, out);
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
      if (d.mod !== 3) return kill(d.reg, rva, out);
      const i = out.add(Op.binary, rva);
      out.alu[i] = Alu.multiply;
      out.dst[i] = d.reg;
      out.left[i] = d.reg;
      out.source[i] = d.rm;
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
      return d.mod === 3 ? kill(d.rm, rva, out) : killMany(ACCUMULATOR | DATA, rva, out);
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return killRm(d, rva, out);
    case 0xba:
      return ((d.modrm >> 3) & 7) === 4 ? void out.add(Op.nothing, rva) : killRm(d, rva, out);
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

/** The vector instructions that compilers use to build structures; true where one was appended. */
function vectorMove(d: X86Decoder, rva: number, out: OperationList): boolean {
  const prefix = d.operand16 && d.repeat === 0 ? 0x66 : d.repeat;
  const register = VECTOR0 + d.reg;
  const isLoad = (size: number): true => transfer(d, rva, out, register, size, true);
  const isStore = (size: number): true => transfer(d, rva, out, register, size, false);
  switch (d.opcode) {
    case 0x10:
      return isLoad(prefix === 0xf3 ? 4 : prefix === 0xf2 ? 8 : 16);
    case 0x11:
      return isStore(prefix === 0xf3 ? 4 : prefix === 0xf2 ? 8 : 16);
    case 0x28:
      return isLoad(16);
    case 0x29:
    case 0x2b:
    case 0xe7:
      return isStore(16);
    case 0x6f:
      return prefix === 0 ? false : isLoad(16);
    case 0x7f:
      return prefix === 0 ? false : isStore(16);
    case 0xd6:
      return prefix === 0x66 ? isStore(8) : false;
    case 0x7e:
      if (prefix === 0xf3) return isLoad(8);
      if (prefix !== 0x66) return false;
      if (d.mod === 3) return moved(out, rva, d.rm, register, (d.rex & 8) !== 0 ? 8 : 4);
      return isStore((d.rex & 8) !== 0 ? 8 : 4);
    case 0x6e: {
      if (prefix !== 0x66) return false;
      const size = (d.rex & 8) !== 0 ? 8 : 4;
      return d.mod === 3 ? moved(out, rva, register, d.rm, size) : isLoad(size);
    }
    case 0x12:
    case 0x13:
      return d.mod === 3 || (prefix !== 0 && prefix !== 0x66)
        ? false
        : transfer(d, rva, out, register, 8, d.opcode === 0x12);
    case 0x16: // movlhps, movhps
      return prefix !== 0 || d.mod !== 3 ? false : inserted(out, rva, register, VECTOR0 + d.rm, 8, 8);
    case 0x62: // punpckldq
      return prefix !== 0x66 || d.mod !== 3 ? false : inserted(out, rva, register, VECTOR0 + d.rm, 4, 4);
    case 0x6c: // punpcklqdq
      return prefix !== 0x66 || d.mod !== 3 ? false : inserted(out, rva, register, VECTOR0 + d.rm, 8, 8);
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

function inserted(
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

function threeByte3a(d: X86Decoder, rva: number, out: OperationList): void {
  if (d.opcode === 0x22 && d.operand16 && d.mod === 3) {
    const size = (d.rex & 8) !== 0 ? 8 : 4; // pinsrd, pinsrq
    inserted(out, rva, VECTOR0 + d.reg, d.rm, (d.immediate & (size === 8 ? 1 : 3)) * size, size);
    return;
  }
  const writesGeneral = d.opcode >= 0x14 && d.opcode <= 0x17;
  if (writesGeneral) killRm(d, rva, out);
  else killOperands(d, rva, out, false);
}

/** For instructions of no interest: the register operand becomes unknown; a vector one unless it is known to be general. */
function killOperands(d: X86Decoder, rva: number, out: OperationList, isGeneral: boolean): void {
  kill(isGeneral ? d.reg : VECTOR0 + d.reg, rva, out);
}
