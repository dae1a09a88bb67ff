/** The meaning of the instructions of the one-byte opcode map. */
import { Op, type OperationList, X86 } from '../operations.ts';
import {
  binary,
  branchTo,
  byteRegister,
  conditionalBranch,
  extend,
  kill,
  killMany,
  killRm,
  MASK,
  move,
  operandSize,
  testRegister,
} from './emit.ts';
import {
  address,
  advance,
  block,
  counted,
  enter,
  exchange,
  interrupt,
  leave,
  moveImmediate,
  moveImmediateTo,
  moveOffset,
  multiply,
  opcodeRegister,
  popAll,
  popRegister,
  popRm,
  pushAll,
  pushImmediate,
  pushOther,
  pushRegister,
  returnPopping,
  step,
} from './one-byte-forms.ts';
import { arithmeticRow, group3, group5, shift } from './opcode-groups.ts';
import type { X86Decoder } from './x86-decoder.ts';

/** Appends what the decoded instruction at `rva` does; `size` is what operandSize gives. */
type Meaning = (d: X86Decoder, rva: number, out: OperationList, size: number) => void;

const nothing: Meaning = (_d, rva, out) => void out.add(Op.nothing, rva);
const stop: Meaning = (_d, rva, out) => void out.add(Op.stop, rva);
const returns: Meaning = (_d, rva, out) => void out.add(Op.return, rva);
const killsAccumulator: Meaning = (_d, rva, out) => kill(X86.ax, rva, out);

/** By first and last opcode. A table and no switch: V8 compiles each of these when it is used, and not all again. */
const MEANINGS: readonly (readonly [first: number, last: number, meaning: Meaning])[] = [
  [0x00, 0x3f, arithmeticRow],
  [0x40, 0x4f, step],
  [0x50, 0x57, pushRegister],
  [0x58, 0x5f, popRegister],
  [0x60, 0x60, pushAll],
  [0x61, 0x61, popAll],
  [
    0x63,
    0x63,
    (d, rva, out, size) => (d.is64 ? extend(d, rva, out, Op.signExtend, 4) : nothing(d, rva, out, size)),
  ],
  [0x68, 0x68, pushImmediate],
  [0x69, 0x69, multiply],
  [0x6a, 0x6a, pushImmediate],
  [0x6b, 0x6b, multiply],
  [0x70, 0x7f, conditionalBranch],
  [0x80, 0x80, (d, rva, out) => binary(d, rva, out, (d.modrm >> 3) & 7, 1, 'rm,imm')],
  [0x81, 0x81, (d, rva, out, size) => binary(d, rva, out, (d.modrm >> 3) & 7, size, 'rm,imm')],
  [0x82, 0x82, (d, rva, out) => binary(d, rva, out, (d.modrm >> 3) & 7, 1, 'rm,imm')],
  [0x83, 0x83, (d, rva, out, size) => binary(d, rva, out, (d.modrm >> 3) & 7, size, 'rm,imm')],
  [0x85, 0x85, testRegister],
  [
    0x86,
    0x87,
    (d, rva, out) => {
      kill(d.opcode === 0x87 ? d.reg : byteRegister(d, d.reg) & 15, rva, out);
      killRm(d, rva, out);
    },
  ],
  [0x88, 0x88, (d, rva, out) => move(d, rva, out, 1, false)],
  [0x89, 0x89, (d, rva, out, size) => move(d, rva, out, size, false)],
  [0x8a, 0x8a, (d, rva, out) => move(d, rva, out, 1, true)],
  [0x8b, 0x8b, (d, rva, out, size) => move(d, rva, out, size, true)],
  [0x8c, 0x8c, killRm],
  [0x8d, 0x8d, address],
  [0x8f, 0x8f, popRm],
  [0x90, 0x97, exchange],
  [0x98, 0x98, killsAccumulator],
  [0x99, 0x99, (_d, rva, out) => kill(X86.dx, rva, out)],
  [0x9a, 0x9a, stop], // far call, of 32-bit code only
  [0x9c, 0x9c, pushOther], // pushfd
  [0x9d, 0x9d, (_d, rva, out) => void out.add(Op.pop, rva)],
  [0xa0, 0xa0, killsAccumulator],
  [0xa1, 0xa1, moveOffset],
  [0xa3, 0xa3, moveOffset],
  [
    0xa4,
    0xa5,
    (d, rva, out, size) => {
      const unit = d.opcode === 0xa4 ? 1 : size;
      block(d, rva, out, Op.blockCopy, X86.si, unit);
      advance(d, X86.si, unit, rva, out);
      advance(d, X86.di, unit, rva, out);
      if (counted(d) !== 0) killMany(counted(d), rva, out);
    },
  ],
  [0xa6, 0xa7, (d, rva, out) => killMany(MASK.source | MASK.destination | counted(d), rva, out)],
  [
    0xaa,
    0xab,
    (d, rva, out, size) => {
      const unit = d.opcode === 0xaa ? 1 : size;
      block(d, rva, out, Op.blockFill, X86.ax, unit);
      advance(d, X86.di, unit, rva, out);
      if (counted(d) !== 0) killMany(counted(d), rva, out);
    },
  ],
  [0xac, 0xad, (_d, rva, out) => killMany(MASK.source | MASK.accumulator, rva, out)],
  [0xae, 0xaf, (d, rva, out) => killMany(MASK.destination | counted(d), rva, out)],
  [0xb0, 0xb7, (d, rva, out) => moveImmediateTo(opcodeRegister(d), d, rva, out, 1)],
  [0xb8, 0xbf, (d, rva, out, size) => moveImmediateTo(opcodeRegister(d), d, rva, out, size)],
  [0xc0, 0xc1, shift],
  [0xc2, 0xc2, returnPopping],
  [0xc3, 0xc3, returns],
  [0xc6, 0xc6, (d, rva, out) => moveImmediate(d, rva, out, 1)],
  [0xc7, 0xc7, moveImmediate],
  [0xc8, 0xc8, enter],
  [0xc9, 0xc9, leave],
  [0xca, 0xcb, returns],
  [0xcc, 0xcc, stop],
  [0xcd, 0xcd, interrupt],
  [0xcf, 0xcf, returns],
  [
    0xd0,
    0xd1,
    (d, rva, out, size) => {
      d.immediate = 1;
      shift(d, rva, out, size);
    },
  ],
  [0xd2, 0xd3, killRm],
  // fnstsw ax
  [0xdf, 0xdf, (d, rva, out) => (d.modrm === 0xe0 ? kill(X86.ax, rva, out) : void out.add(Op.nothing, rva))],
  [
    0xe0,
    0xe3,
    (d, rva, out) => {
      kill(X86.cx, rva, out);
      branchTo(d, rva, out, Op.branch);
    },
  ],
  [0xe4, 0xe5, killsAccumulator],
  [0xe8, 0xe8, (d, rva, out) => branchTo(d, rva, out, Op.call)],
  [0xe9, 0xe9, (d, rva, out) => branchTo(d, rva, out, Op.jump)],
  [0xea, 0xea, stop], // far jump, of 32-bit code only
  [0xeb, 0xeb, (d, rva, out) => branchTo(d, rva, out, Op.jump)],
  [0xec, 0xed, killsAccumulator],
  [0xf4, 0xf4, stop],
  [0xf6, 0xf6, (d, rva, out) => group3(d, rva, out, 1)],
  [0xf7, 0xf7, group3],
  [0xfe, 0xfe, killRm],
  [0xff, 0xff, group5],
];

const BY_OPCODE: readonly Meaning[] = Array.from(
  { length: 256 },
  (_, opcode) => MEANINGS.find(([first, last]) => first <= opcode && opcode <= last)?.[2] ?? nothing,
);

/** Appends what the decoded instruction does. */
export function oneByte(d: X86Decoder, rva: number, out: OperationList): void {
  BY_OPCODE[d.opcode](d, rva, out, operandSize(d));
}
