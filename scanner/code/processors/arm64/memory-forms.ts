/** ARM64 loads and stores. */
import { Alu, BASE_IMAGE, Op, type OperationList, VECTOR0 } from '../operations.ts';
import { binary, kill } from './emit.ts';

/** Loads and stores: literal, pairs, immediate offsets with and without write-back, register offsets. */
export function memoryForms(word: number, rva: number, out: OperationList): void {
  const target = word & 31;
  const base = (word >>> 5) & 31;
  const isVector = ((word >>> 26) & 1) === 1;
  switch ((word >>> 28) & 3) {
    case 1: {
      if (((word >>> 24) & 1) === 1 || ((word >>> 24) & 1) === 0) {
        if ((word & 0x3b000000) === 0x18000000) return literalLoad(word, target, isVector, rva, out);
      }
      break;
    }
    case 2:
      return pair(word, target, base, isVector, rva, out);
    case 3:
      return single(word, target, base, isVector, rva, out);
  }
  // Exclusive and acquire/release forms: the loaded or status register is lost.
  if (((word >>> 22) & 1) === 1) kill(target, rva, out);
  else kill((word >>> 16) & 31, rva, out);
}

function literalLoad(word: number, target: number, isVector: boolean, rva: number, out: OperationList): void {
  const kind = word >>> 30;
  const size = isVector ? 4 << kind : kind === 0 ? 4 : kind === 1 ? 8 : 0;
  if (size === 0 || (!isVector && target === 31)) return void out.add(Op.nothing, rva); // prefetch
  const i = out.add(Op.load, rva);
  out.dst[i] = isVector ? VECTOR0 + target : target;
  out.size[i] = Math.min(size, 16);
  out.base[i] = BASE_IMAGE;
  out.displacement[i] = rva + ((((word >> 5) << 13) >> 13) << 2);
}

function transfer(
  isLoad: boolean,
  register: number,
  size: number,
  base: number,
  displacement: number,
  rva: number,
  out: OperationList,
): void {
  const i = out.add(isLoad ? Op.load : Op.store, rva);
  if (isLoad) {
    if (register === 31) out.op[i] = Op.nothing;
    else out.dst[i] = register;
    // Narrow loads clear the rest of the register, which is not modelled: their value stays unknown.
    if (size < 4 && out.op[i] === Op.load) out.op[i] = Op.kill;
  } else if (register !== 31) out.source[i] = register;
  out.size[i] = size;
  out.base[i] = base;
  out.displacement[i] = displacement;
}

function writeBack(base: number, amount: number, rva: number, out: OperationList): void {
  const i = binary(Alu.add, base, base, 8, rva, out);
  out.low[i] = amount;
}

function pair(
  word: number,
  first: number,
  base: number,
  isVector: boolean,
  rva: number,
  out: OperationList,
): void {
  const kind = word >>> 30;
  const mode = (word >>> 23) & 3;
  const size = isVector ? 4 << kind : kind === 2 ? 8 : 4;
  const offset = ((word << 10) >> 25) * size;
  const isLoad = ((word >>> 22) & 1) === 1;
  const second = (word >>> 10) & 31;
  const shift = isVector ? VECTOR0 : 0;
  if (mode === 3) writeBack(base, offset, rva, out);
  const at = mode === 1 || mode === 3 ? 0 : offset;
  const low = () => transfer(isLoad, first + shift, size, base, at, rva, out);
  const high = () => transfer(isLoad, second + shift, size, base, at + size, rva, out);
  // Both halves are read by the old base, so the one that replaces it comes last.
  const order = isLoad && first + shift === base ? [high, low] : [low, high];
  for (const half of order) half();
  if (mode === 1) writeBack(base, offset, rva, out);
}

function single(
  word: number,
  target: number,
  base: number,
  isVector: boolean,
  rva: number,
  out: OperationList,
): void {
  const operation = (word >>> 22) & 3;
  const sizeLog2 = (word >>> 30) | (isVector && operation >= 2 ? 4 : 0);
  const size = 1 << sizeLog2;
  const isLoad = isVector ? (operation & 1) === 1 : operation !== 0;
  const isSigned = !isVector && operation >= 2;
  if (!isVector && sizeLog2 === 3 && operation === 2) return void out.add(Op.nothing, rva); // prefetch
  const register = isVector ? VECTOR0 + target : target;
  const place = out.count;
  if (((word >>> 24) & 1) === 1) {
    transfer(isLoad, register, size, base, ((word >>> 10) & 0xfff) * size, rva, out);
  } else if (((word >>> 21) & 1) === 0) {
    const offset = (word << 11) >> 23;
    const mode = (word >>> 10) & 3;
    if (mode === 3) writeBack(base, offset, rva, out);
    transfer(isLoad, register, size, base, mode === 1 || mode === 3 ? 0 : offset, rva, out);
    if (mode === 1) writeBack(base, offset, rva, out);
  } else if (((word >>> 10) & 3) === 2) {
    transfer(isLoad, register, size, base, 0, rva, out);
    out.index[place] = (word >>> 16) & 31;
    out.scale[place] = ((word >>> 12) & 1) === 1 ? sizeLog2 : 0;
  } else return kill(register, rva, out); // atomics
  if (isSigned && size < 4) out.op[place] = register === 31 ? Op.nothing : out.op[place];
}
