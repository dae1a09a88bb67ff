/** What the bytes around the beginning of a function look like, on each processor: what ends before it, and how it begins. */
import type { Section } from '../../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';

/** What compilers and linkers align functions to. */
export const ALIGNMENT = 16;

/** Up to it, and room for a jump that a patch puts before the function. */
const MAX_PADDING = ALIGNMENT + 5;

/** push ebp, and mov edi, edi before it. */
const STARTS_PROLOGUE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x55 || byte === 0x8b ? 1 : 0,
);

/** Lengths of `jmp [register+distance]`, and what its operand byte begins with: no distance, one of a byte, one of four. */
const TABLE_JUMPS = [
  [2, 0x20],
  [3, 0x60],
  [6, 0xa0],
] as const;

/**
 * Whether code at this offset can be a function's start, judged by what stands before it: the end of another
 * function or its padding. This keeps chance E8 bytes inside a function from cutting it in two.
 */
export function mayBeginFunction(bytes: Uint8Array, offset: number): boolean {
  return offset === 0 || hasPrologue(bytes, offset) || mayEndBefore(bytes, offset);
}

/** Whether a function may end right before this offset, or its padding. */
export function mayEndBefore(bytes: Uint8Array, offset: number): boolean {
  const before = bytes[offset - 1];
  if (before === 0xcc || before === 0x90 || before === 0x00 || before === 0xc3) return true;
  if (offset >= 3 && bytes[offset - 3] === 0xc2) return true; // ret imm16
  if (offset >= 5 && (bytes[offset - 5] === 0xe9 || bytes[offset - 5] === 0xe8)) return true; // jmp, or a call that never returns
  if (isBehindImportJump(bytes, offset)) return true;
  if (offset >= 2 && (bytes[offset - 2] === 0xeb || (bytes[offset - 2] === 0xff && (before & 0xf8) === 0xe0)))
    return true;
  return isBehindTrap(bytes, offset) || isBehindTableJump(bytes, offset) || isLongNop(bytes, offset);
}

/** Whether the ARM64 instruction before this offset ends a function or pads. */
export function mayBeginArm64(bytes: Uint8Array, offset: number): boolean {
  if (offset < 4) return true;
  const before = readInt32(bytes, offset - 4);
  const isReturnOrJump = (before & 0xff9ffc1f) >>> 0 === 0xd61f0000 || (before & 0xfc000000) === 0x14000000;
  return (
    isReturnOrJump ||
    before === 0 ||
    before >>> 0 === 0xd503201f ||
    before >>> 0 === 0xcccccccc || // padding of linkers that fill every processor's code alike
    (before & 0xffe0001f) >>> 0 === 0xd4200000 ||
    isCallOrData(before)
  );
}

/** push of ebx, ebp, esi, edi or r12 to r15, or room made on the stack; behind `mov edi, edi` as well. */
export function savesRegister(bytes: Uint8Array, start: number): boolean {
  const offset = bytes[start] === 0x8b && bytes[start + 1] === 0xff ? start + 2 : start;
  const first = bytes[offset];
  const next = bytes[offset + 1];
  if (first === 0x53 || (first >= 0x55 && first <= 0x57)) return true;
  if (first === 0x83 || first === 0x81) return next === 0xec; // sub esp
  if (first === 0x41) return next >= 0x54 && next <= 0x57;
  return first === 0x48 && (next === 0x83 || next === 0x81) && bytes[offset + 2] === 0xec;
}

/** A return or a jump ends right before this offset, or before the padding that stands there. */
export function isBehindReturn(bytes: Uint8Array, start: number): boolean {
  let offset = start;
  while (offset > 0 && start - offset < MAX_PADDING) {
    const length = bytes[offset - 1] === 0xcc ? 1 : nopBefore(bytes, offset);
    if (length === 0) break;
    offset -= length;
  }
  if (offset >= 1 && bytes[offset - 1] === 0xc3) return true;
  // A short jump, behind which only padding tells an end from a byte of another instruction.
  if (offset < start && bytes[offset - 2] === 0xeb) return true;
  if (offset >= 5 && (bytes[offset - 3] === 0xc2 || bytes[offset - 5] === 0xe9)) return true;
  return isBehindImportJump(bytes, offset);
}

/** Behind `jmp [import]`: a thunk, or a function that ends with the call of another module's. */
function isBehindImportJump(bytes: Uint8Array, offset: number): boolean {
  return offset >= 6 && bytes[offset - 6] === 0xff && bytes[offset - 5] === 0x25;
}

/** What GNU's assembler pads with besides `nop`: `lea esi, [esi]`, `lea edi, [edi]` and `nop [eax]`, longer and longer. */
const LONG_PADDING = [
  [0x8d, 0x76, 0],
  [0x8d, 0x7f, 0],
  [0x8d, 0x74, 0x26, 0],
  [0x8d, 0x7c, 0x27, 0],
  [0x8d, 0xb6, 0, 0, 0, 0],
  [0x8d, 0xbf, 0, 0, 0, 0],
  [0x8d, 0xb4, 0x26, 0, 0, 0, 0],
  [0x8d, 0xbc, 0x27, 0, 0, 0, 0],
  [0x0f, 0x1f, 0],
  [0x0f, 0x1f, 0x40, 0],
  [0x0f, 0x1f, 0x44, 0, 0],
  [0x0f, 0x1f, 0x80, 0, 0, 0, 0],
  [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
];

/** The bytes of the padding instruction that ends at this offset; 0 where none does. */
function nopBefore(bytes: Uint8Array, offset: number): number {
  const last = offset > 0 ? bytes[offset - 1] : -1;
  if (last !== 0x90 && last !== 0) return 0;
  const isNop = (nop: readonly number[]) => nop.every((byte, n) => bytes[offset - nop.length + n] === byte);
  let length = last === 0x90 ? 1 : (LONG_PADDING.find(isNop)?.length ?? 0);
  while (length > 0 && isNopPrefix(bytes[offset - length - 1])) length++;
  return length;
}

/** Operand size, cs. */
function isNopPrefix(byte: number): boolean {
  return byte === 0x66 || byte === 0x2e;
}

/** An instruction has 15 bytes at most. */
const MAX_NOP_PREFIXES = 14;

/** The bytes of the padding instruction that begins at this offset; 0 where none does. */
export function nopAt(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (isNopPrefix(bytes[at]) && at - offset < MAX_NOP_PREFIXES) at++;
  if (bytes[at] === 0x90) return at + 1 - offset;
  const nop = LONG_PADDING.find(nop => nop.every((byte, n) => bytes[at + n] === byte));
  return nop === undefined ? 0 : at + nop.length - offset;
}

/** Whether padding or another thunk ends here; anything else is the body of a function that ends in a tail call. */
export function isBehindThunk(bytes: Uint8Array, offset: number): boolean {
  const before = bytes[offset - 1];
  if (offset === 0 || before === 0xcc || before === 0x90 || isBehindTrap(bytes, offset)) return true;
  return isBehindImportJump(bytes, offset);
}

/** What stands between two functions. */
export function isPadding(byte: number): boolean {
  return byte === 0xcc || byte === 0x90 || byte === 0;
}

/** Starts that nothing calls: code behind int3 padding, and on x86 prologues behind a return. */
export function* afterPadding({ bytes, rva }: Section, isX86: boolean): Generator<number> {
  const end = bytes.length - 3;
  for (let p = ALIGNMENT - (rva % ALIGNMENT); p < end; p += ALIGNMENT) {
    if (bytes[p - 1] === 0xcc && bytes[p] !== 0xcc && isInt3Padding(bytes, p)) yield rva + p;
  }
  for (let p = 1; isX86 && p < end; p++) {
    if (STARTS_PROLOGUE[bytes[p]] === 0 || !hasPrologue(bytes, p)) continue;
    const before = bytes[p - 1];
    const isBehindEnd =
      before === 0xc3 || before === 0x90 || before === 0xcc || (p >= 3 && bytes[p - 3] === 0xc2);
    if (isBehindEnd) yield rva + p;
  }
}

/** Behind `ud2` or `int 29h` (fast fail): where a function ends that cannot go on. */
function isBehindTrap(bytes: Uint8Array, offset: number): boolean {
  if (offset < 2) return false;
  const [first, second] = [bytes[offset - 2], bytes[offset - 1]];
  return (first === 0x0f && second === 0x0b) || (first === 0xcd && second === 0x29);
}

/** Behind `jmp [rax+8]`: a function that ends with a virtual call. */
function isBehindTableJump(bytes: Uint8Array, offset: number): boolean {
  for (const [length, form] of TABLE_JUMPS) {
    const operand = bytes[offset - length + 1];
    const hasByteMore = (operand & 7) === 4; // rsp, or an index
    if (offset >= length && bytes[offset - length] === 0xff && (operand & 0xf8) === form && !hasByteMore)
      return operand !== 0x25;
  }
  return false;
}

/** push ebp; mov ebp, esp (with or without the hot-patch instruction before it). */
function hasPrologue(bytes: Uint8Array, offset: number): boolean {
  let at = offset;
  if (bytes[at] === 0x8b && bytes[at + 1] === 0xff) at += 2;
  return (
    bytes[at] === 0x55 &&
    ((bytes[at + 1] === 0x8b && bytes[at + 2] === 0xec) || (bytes[at + 1] === 0x89 && bytes[at + 2] === 0xe5))
  );
}

/** Whether the bytes before `offset` are one of the long nops that gcc and clang pad with. */
function isLongNop(bytes: Uint8Array, offset: number): boolean {
  for (let length = 3; length <= 9 && length <= offset; length++) {
    if (bytes[offset - length] === 0x0f && bytes[offset - length + 1] === 0x1f) return true;
  }
  // lea esi, [esi+0] and its kin
  return offset >= 3 && bytes[offset - 3] === 0x8d && (bytes[offset - 2] & 0xc7) === 0x44;
}

/** A call that never returns, a literal, or the last word of a packed function's tail. */
function isCallOrData(word: number): boolean {
  return (word & 0xfc000000) >>> 0 === 0x94000000 || ((word >>> 25) & 15) < 4;
}

/** Whether the int3 before this offset is padding and not a byte of an instruction: two of them, or one behind an end. */
function isInt3Padding(bytes: Uint8Array, offset: number): boolean {
  if (offset < 6 || bytes[offset - 2] === 0xcc || bytes[offset - 2] === 0xc3) return true;
  return bytes[offset - 4] === 0xc2 || bytes[offset - 6] === 0xe9;
}
