/**
 * The instruction front of ARM64: instructions are four bytes each, and only those that move constants about, compute
 * with them, call or jump are told apart. Source: Arm Architecture Reference Manual, chapter C4 (A64 encoding index).
 */

import { readInt32 } from '../../bytes/little-endian.ts';
import { Condition, Op, type OperationList } from '../operations.ts';
import type { InstructionFront } from '../processor.ts';
import { CONDITIONS } from './conditions.ts';
import { kill } from './emit.ts';
import { immediateForms } from './immediate-forms.ts';
import { memoryForms } from './memory-forms.ts';
import { registerForms, vectorForms } from './register-forms.ts';

const INSTRUCTION_BYTES = 4;

/** Needs nothing of the image: every instruction has four bytes, and addresses are relative. */
export const arm64Front: InstructionFront = {
  append(bytes, position, end, rva, out) {
    if (position + INSTRUCTION_BYTES > end || (rva & 3) !== 0) return 0;
    const first = out.count;
    appendWord(readInt32(bytes, position), rva, out);
    for (let i = first; i < out.count; i++) out.nextRva[i] = rva + INSTRUCTION_BYTES;
    return INSTRUCTION_BYTES;
  },
};

function appendWord(word: number, rva: number, out: OperationList): void {
  switch ((word >>> 25) & 15) {
    case 0b1000:
    case 0b1001:
      return immediateForms(word, rva, out);
    case 0b1010:
    case 0b1011:
      return branches(word, rva, out);
    case 0b0100:
    case 0b0110:
    case 0b1100:
    case 0b1110:
      return memoryForms(word, rva, out);
    case 0b0101:
    case 0b1101:
      return registerForms(word, rva, out);
    case 0b0111:
    case 0b1111:
      return vectorForms(word, rva, out);
    case 0b0000:
      if (word >>> 16 === 0)
        out.add(Op.stop, rva); // udf
      else out.add(Op.nothing, rva);
      return;
  }
  out.add(Op.nothing, rva);
}

function branches(word: number, rva: number, out: OperationList): void {
  if (((word >>> 26) & 31) === 0b00101) {
    const i = out.add(word < 0 ? Op.call : Op.jump, rva);
    out.low[i] = rva + ((word << 6) >> 4);
    return;
  }
  const isConditional = (word & 0xff000000) >>> 0 === 0x54000000;
  const isCompare = ((word >>> 25) & 63) === 0b011010;
  if (isConditional || isCompare) {
    if (isCompare) {
      const compared = out.add(Op.compare, rva); // cbz, cbnz
      out.left[compared] = word & 31;
      out.size[compared] = word < 0 ? 8 : 4;
    }
    const i = out.add(Op.branch, rva);
    out.low[i] = rva + ((((word >> 5) << 13) >> 13) << 2);
    const isNotZero = ((word >>> 24) & 1) === 1;
    out.alu[i] = !isCompare ? CONDITIONS[word & 15] : isNotZero ? Condition.notEqual : Condition.equal;
    return;
  }
  if (((word >>> 25) & 63) === 0b011011) {
    const bit = ((word >>> 31) << 5) | ((word >>> 19) & 31); // tbz, tbnz
    const isSign = bit === 31 || bit === 63;
    if (isSign) {
      const compared = out.add(Op.compare, rva);
      out.left[compared] = word & 31;
      out.size[compared] = bit === 63 ? 8 : 4;
    }
    const i = out.add(Op.branch, rva);
    out.low[i] = rva + ((((word >> 5) << 18) >> 18) << 2);
    const isSet = ((word >>> 24) & 1) === 1;
    if (isSign) out.alu[i] = isSet ? Condition.less : Condition.greaterOrEqual;
    return;
  }
  if (word >>> 25 === 0b1101011) {
    const operation = (word >>> 21) & 15;
    const register = (word >>> 5) & 31;
    if (operation === 2) return void out.add(Op.return, rva);
    const isCall = operation === 1 || operation === 9;
    const isJump = operation === 0 || operation === 8;
    const i = out.add(isCall ? Op.callIndirect : isJump ? Op.jumpIndirect : Op.return, rva);
    if (isCall || isJump) out.source[i] = register;
    return;
  }
  if (word >>> 24 === 0xd4) {
    const isCallOut = (word & 0x1f) === 1 || (word & 0x1f) === 2 || (word & 0x1f) === 3;
    out.add(isCallOut && ((word >>> 21) & 7) === 0 ? Op.nothing : Op.stop, rva); // svc, hvc, smc; brk, hlt
    return;
  }
  if (word >>> 20 === 0xd53) return kill(word & 31, rva, out); // mrs
  out.add(Op.nothing, rva);
}
