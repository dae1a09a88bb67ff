/** What the analysis must know of a processor: where arguments sit, what a call destroys, and how code is decoded. */
import type { Arch } from '../../../data/facts.ts';
import type { OperationList } from './operations.ts';
import { VECTOR0, X86 } from './operations.ts';
import type { Place } from './places.ts';

export interface Processor {
  readonly arch: Arch;
  readonly pointerSize: 4 | 8;
  readonly stackRegister: number;
  readonly resultRegister: number;
  /** The register that holds the target of a call through Control Flow Guard's dispatch function. */
  readonly guardedTarget: number;
  /** Bytes that the call instruction itself pushes. */
  readonly callPushes: number;
  /** The general registers that a call destroys, as bits. */
  readonly volatileRegisters: number;
  /** The vector registers that a call leaves alone, as bits, and how many of their bytes. */
  readonly keptVectors: number;
  readonly keptVectorBytes: number;
  /** Whether a call destroys this general register. */
  isVolatile(register: number): boolean;
  /** Whether a function may receive an argument in this register. */
  isArgumentRegister(register: number): boolean;
  /** Where a call's first arguments may stand, whatever the convention. */
  readonly passedPlaces: readonly Place[];
  /** Where the address of a structure stands that a call is to return, if not at one of these. */
  readonly returnedPlace?: Place;
  /** Where an argument (1-based) stands just before the call; `x86Offset` where 64-bit arguments come before it. */
  argument(position: number, x86Offset?: number): Place;
  /** The same for the first two arguments of a function that is fastcall on x86. */
  fastcallArgument(position: number): Place;
}

/** Turns instructions into operations; one front per processor. */
export interface InstructionFront {
  /**
   * Appends the operations of the instruction at `rva` and returns its length in bytes; 0 where there is none.
   * `position` and `end` are offsets into `bytes`.
   */
  append(bytes: Uint8Array, position: number, end: number, rva: number, out: OperationList): number;
}

/**
 * Bytes of arguments that the call at an operation pops (x86 stdcall), OPENS_FRAME, or undefined where that is not
 * known.
 */
export type PoppedBytes = (call: number, operations: OperationList) => number | undefined;

/** Instead of a number of bytes: the callee opens the caller's frame (`_SEH_prolog4`). */
export const OPENS_FRAME = -1;

const X64_ARGUMENTS = [X86.cx, X86.dx, X86.r8, X86.r9];
/** Home space of the four register arguments, which every x64 caller leaves below the fifth argument. */
const X64_HOME_BYTES = 0x20;

const X64_VOLATILE = registerSet(0, 1, 2, 8, 9, 10, 11);
const X86_VOLATILE = registerSet(X86.ax, X86.cx, X86.dx);

const x64: Processor = {
  arch: 'x64',
  pointerSize: 8,
  stackRegister: X86.sp,
  resultRegister: X86.ax,
  guardedTarget: X86.ax,
  callPushes: 8,
  volatileRegisters: X64_VOLATILE,
  keptVectors: registerSet(6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
  keptVectorBytes: 16,
  isVolatile: register => isIn(X64_VOLATILE, register),
  // Linkers that see the whole program let functions of their own take arguments in any register.
  isArgumentRegister: register => register < 16 && register !== X86.sp && register !== X86.bp,
  passedPlaces: [
    ...X64_ARGUMENTS.map(register => ({ register })),
    { stackOffset: 0x20 },
    { stackOffset: 0x28 },
  ],
  argument: position =>
    position <= 4
      ? { register: X64_ARGUMENTS[position - 1] }
      : { stackOffset: X64_HOME_BYTES + 8 * (position - 5) },
  fastcallArgument: position => ({ register: X64_ARGUMENTS[position - 1] }),
};

const x86: Processor = {
  arch: 'x86',
  pointerSize: 4,
  stackRegister: X86.sp,
  resultRegister: X86.ax,
  guardedTarget: X86.cx,
  callPushes: 4,
  volatileRegisters: X86_VOLATILE,
  keptVectors: 0,
  keptVectorBytes: 0,
  isVolatile: register => isIn(X86_VOLATILE, register),
  // fastcall and thiscall use ecx and edx; optimisers pass arguments of private functions in any.
  isArgumentRegister: register => register < 8 && register !== X86.sp && register !== X86.bp,
  // eax is the first one only of gcc's private functions (eax, edx, ecx), so that behind edx the stack follows, as in fastcall's (ecx, edx).
  passedPlaces: [
    { register: X86.ax },
    { register: X86.cx },
    { register: X86.dx },
    ...[0, 4, 8, 12].map(stackOffset => ({ stackOffset })),
  ],
  argument: (position, x86Offset) => ({ stackOffset: x86Offset ?? 4 * (position - 1) }),
  fastcallArgument: position => ({ register: position === 1 ? X86.cx : X86.dx }),
};

const ARM64_ARGUMENT_REGISTERS = 8;
const ARM64_STACK = 31;
const ARM64_FRAME = 29;
const ARM64_PROCESSOR_DATA = 18;
/** x0 to x17 and the link register; x18 holds the processor's own data on Windows. */
const ARM64_VOLATILE = 0x3ffff | (1 << 30);

const arm64: Processor = {
  arch: 'arm64',
  pointerSize: 8,
  stackRegister: ARM64_STACK,
  resultRegister: 0,
  guardedTarget: 15,
  callPushes: 0,
  volatileRegisters: ARM64_VOLATILE,
  keptVectors: registerSet(8, 9, 10, 11, 12, 13, 14, 15),
  keptVectorBytes: 8,
  isVolatile: register => isIn(ARM64_VOLATILE, register),
  isArgumentRegister: register => register < ARM64_FRAME && register !== ARM64_PROCESSOR_DATA,
  passedPlaces: [0, 1, 2, 3, 4, 5].map(register => ({ register })),
  returnedPlace: { register: 8 },
  argument: position =>
    position <= ARM64_ARGUMENT_REGISTERS
      ? { register: position - 1 }
      : { stackOffset: 8 * (position - 1 - ARM64_ARGUMENT_REGISTERS) },
  fastcallArgument: position => ({ register: position - 1 }),
};

/** By architecture. */
export const PROCESSORS: Readonly<Record<Arch, Processor>> = { x86, x64, arm64 };

/** Whether a call destroys the part of a register that begins at byte `lane`. */
export function isLostInCall(processor: Processor, register: number, lane: number): boolean {
  if (register < VECTOR0) return processor.isVolatile(register);
  return lane >= processor.keptVectorBytes || !isIn(processor.keptVectors, register - VECTOR0);
}

function registerSet(...registers: number[]): number {
  return registers.reduce((bits, register) => bits | (1 << register), 0);
}

function isIn(set: number, register: number): boolean {
  return register < 32 && (set & (1 << register)) !== 0;
}
