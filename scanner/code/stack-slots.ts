/** Follows the stack pointer and its copies through a function, so that every frame access gets one name. */
import type { Block } from './basic-blocks.ts';
import { Alu, NONE, Op, type OperationList, X86 } from './operations.ts';
import { OPENS_FRAME, type PoppedBytes, type Processor } from './processor.ts';

/** Not an access to the frame. */
export const NO_SLOT = -0x80000000;

/** Registers whose copies of the stack pointer are followed: all general ones. */
const REGISTERS = 32;

/** Frames deeper than this come from a misread function. */
const MAX_FRAME_BYTES = 1 << 20;

/** Where the stack pointer and its copies point at one place of the function; NO_SLOT where a register holds none. */
type State = Int32Array;

/** A function whose frame is followed; the arrays have room for every operation. */
export interface FollowedFunction {
  readonly operations: OperationList;
  readonly blocks: readonly Block[];
  /** Block number of each operation. */
  readonly blockOf: Int32Array;
  /**
   * The place in the frame that an operation reads or writes, or whose address it computes: bytes above the return
   * address, or NO_SLOT.
   */
  readonly slot: Int32Array;
  /** For a push of memory: the slot it reads, or NO_SLOT (`slot` is the one it writes). */
  readonly pushedFrom: Int32Array;
  /** The stack pointer before each operation, relative to its value at entry (where it points at the return address). */
  readonly stackAt: Int32Array;
  /** Room for the state at the start of each block: kept, since an array for each would cost more than following it. */
  stackStates: Int32Array;
  /** The first operation of the instruction at an RVA, or -1. */
  operationAt(rva: number): number;
}

/** The state at the place that is followed: one for all functions, since an array of this size is dear to make. */
const STATE: State = new Int32Array(REGISTERS);

/** A bit for each register that is followed, none for what an operation names besides. */
const BIT = Int32Array.from({ length: 256 }, (_, register) => (register < REGISTERS ? 1 << register : 0));
/** Operations that change registers which they do not name: the stack pointer alone, or any. */
const CHANGES_MORE = new Uint8Array(256);
const CHANGES_ALL = new Uint8Array(256);
for (const op of [Op.push, Op.pop]) CHANGES_MORE[op] = 1;
for (const op of [Op.call, Op.callIndirect, Op.killMany]) CHANGES_MORE[op] = CHANGES_ALL[op] = 1;

/** Fills `slot`, `pushedFrom` and `stackAt`. */
export function followStack(body: FollowedFunction, processor: Processor, poppedBytes: PoppedBytes): void {
  const count = body.operations.count;
  body.slot.fill(NO_SLOT, 0, count);
  body.stackAt.fill(0, 0, count);
  if (count === 0) return;
  const entry = body.blockOf[body.operationAt(body.operations.rva[0])];
  const states = startStates(body);
  const { op, dst, left, source, base } = body.operations;
  const { stackAt, slot } = body;
  const stack = processor.stackRegister;
  states[entry * STATE_WORDS] = 1;
  states[entry * STATE_WORDS + HELD] = 1 << stack;
  states[entry * STATE_WORDS + FIRST_REGISTER + stack] = 0;
  const waiting = [entry];
  const state = STATE;
  state.fill(NO_SLOT);
  let held = 0;
  while (waiting.length > 0) {
    const number = waiting.pop()!;
    held = beginBlock(states, number * STATE_WORDS, held);
    const block = body.blocks[number];
    for (let i = block.begin; i < block.end; i++) {
      // Most operations name no register that points into the frame, and change nothing here.
      const named = BIT[dst[i]] | BIT[base[i]] | BIT[source[i]] | BIT[left[i]];
      if ((named & held) === 0 && CHANGES_MORE[op[i]] === 0) {
        stackAt[i] = state[stack];
        slot[i] = NO_SLOT;
        continue;
      }
      step(body, i, state, processor, poppedBytes);
      if (CHANGES_ALL[op[i]] !== 0) held = heldBits(state);
      else held = withBit(withBit(held, state, stack), state, dst[i]);
    }
    for (const next of block.successors)
      if (leadsOn(states, next * STATE_WORDS, held, stack)) waiting.push(next);
  }
}

/**
 * What is kept of a block: 1 where a path to it was followed, then which registers hold something at its start, a bit for
 * each, and what each of them holds.
 */
const HELD = 1;
const FIRST_REGISTER = 2;
const STATE_WORDS = FIRST_REGISTER + REGISTERS;

/** The states at the starts of the blocks: none is reached yet. */
function startStates(body: FollowedFunction): Int32Array {
  const words = body.blocks.length * STATE_WORDS;
  if (body.stackStates.length < words) body.stackStates = new Int32Array(words * 2);
  for (let at = 0; at < words; at += STATE_WORDS) body.stackStates[at] = 0;
  return body.stackStates;
}

/** Takes up the state that a block begins with in place of the one before; returns which registers it has. */
function beginBlock(states: Int32Array, at: number, heldBefore: number): number {
  for (let rest = heldBefore; rest !== 0; rest &= rest - 1) STATE[lowest(rest)] = NO_SLOT;
  const held = states[at + HELD];
  for (let rest = held; rest !== 0; rest &= rest - 1) {
    const register = lowest(rest);
    STATE[register] = states[at + FIRST_REGISTER + register];
  }
  return held;
}

/**
 * The state is that of one more path to a block, which keeps only what all agree on; the stack pointer keeps its first
 * value. True where the block has to be followed, again or at all.
 */
function leadsOn(states: Int32Array, at: number, held: number, stack: number): boolean {
  if (states[at] === 0) {
    states[at] = 1;
    states[at + HELD] = held;
    for (let rest = held; rest !== 0; rest &= rest - 1) {
      const register = lowest(rest);
      states[at + FIRST_REGISTER + register] = STATE[register];
    }
    return true;
  }
  const known = states[at + HELD];
  let agreed = known;
  for (let rest = known & ~(1 << stack); rest !== 0; rest &= rest - 1) {
    const register = lowest(rest);
    if (states[at + FIRST_REGISTER + register] !== STATE[register]) agreed &= ~(1 << register);
  }
  states[at + HELD] = agreed;
  return agreed !== known;
}

/** The number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The registers that hold the stack pointer or a copy of it, a bit for each. */
function heldBits(state: State): number {
  let bits = 0;
  for (let register = 0; register < REGISTERS; register++)
    if (state[register] !== NO_SLOT) bits |= 1 << register;
  return bits;
}

function withBit(bits: number, state: State, register: number): number {
  if (register >= REGISTERS) return bits;
  return state[register] === NO_SLOT ? bits & ~(1 << register) : bits | (1 << register);
}

function step(
  body: FollowedFunction,
  i: number,
  state: State,
  processor: Processor,
  poppedBytes: PoppedBytes,
): void {
  const operations = body.operations;
  const stack = processor.stackRegister;
  body.stackAt[i] = state[stack];
  const dst = operations.dst[i];
  const base = operations.base[i];
  const place =
    base < REGISTERS && operations.index[i] === NONE && state[base] !== NO_SLOT
      ? bounded(state[base] + operations.displacement[i])
      : NO_SLOT;
  body.slot[i] = place;
  switch (operations.op[i]) {
    case Op.push:
      body.pushedFrom[i] = place;
      state[stack] = bounded(state[stack] - processor.pointerSize);
      body.slot[i] = state[stack];
      return;
    case Op.pop:
      body.slot[i] = state[stack];
      state[stack] = bounded(state[stack] + processor.pointerSize);
      if (dst < REGISTERS) state[dst] = NO_SLOT;
      return;
    case Op.call:
    case Op.callIndirect:
      forget(state, processor.volatileRegisters);
      leaveCall(poppedBytes(i, body.operations) ?? 0, i, body, state, stack);
      return;
    case Op.move: {
      if (dst >= REGISTERS) return;
      const source = operations.source[i];
      const value = source < REGISTERS && operations.size[i] >= 4 ? state[source] : NO_SLOT;
      body.slot[i] = value; // the address that the operation computes
      if (dst !== stack) state[dst] = value;
      else if (value !== NO_SLOT) state[stack] = value;
      return;
    }
    case Op.address:
      if (dst < REGISTERS && (dst !== stack || place !== NO_SLOT)) state[dst] = place;
      return;
    case Op.binary:
      if (dst < REGISTERS) {
        addToCopy(body, i, state, stack);
        body.slot[i] = state[dst];
      }
      return;
    case Op.killMany:
      return forget(state, operations.low[i]);
    default:
      if (dst < REGISTERS && dst !== stack) state[dst] = NO_SLOT;
  }
}

/** Registers whose bit is set hold nothing that is followed any more. */
function forget(state: State, registers: number): void {
  for (let rest = registers; rest !== 0; rest &= rest - 1) state[31 - Math.clz32(rest & -rest)] = NO_SLOT;
}

/** A call pops its arguments; the helper that opens a frame for exception handling (x86) builds it instead. */
function leaveCall(popped: number, i: number, body: FollowedFunction, state: State, stack: number): void {
  if (popped !== OPENS_FRAME) {
    state[stack] = bounded(state[stack] + popped);
    return;
  }
  const localBytes = body.operations.low[Math.max(i - 2, 0)];
  // The helper keeps the caller's ebp where the first pushed argument was, which is where `push ebp` would keep it.
  state[X86.bp] = bounded(state[stack] + 4);
  state[stack] = bounded(state[stack] - SEH_PROLOG_BYTES - localBytes);
}

/** Handler, previous record, three saved registers and the cookie: what the helper pushes besides the locals. */
const SEH_PROLOG_BYTES = 28;

/** add and sub move a copy along; other arithmetic ends it, except that aligning the stack pointer is passed over. */
function addToCopy(body: FollowedFunction, i: number, state: State, stack: number): void {
  const operations = body.operations;
  const dst = operations.dst[i];
  const left = operations.left[i];
  const alu = operations.alu[i];
  const from = left < REGISTERS ? state[left] : NO_SLOT;
  const amount =
    operations.source[i] === NONE ? operations.low[i] : constantBefore(body, i, operations.source[i]);
  if (from !== NO_SLOT && amount !== undefined && (alu === Alu.add || alu === Alu.subtract)) {
    state[dst] = bounded(alu === Alu.add ? from + amount : from - amount);
  } else if (dst !== stack) state[dst] = NO_SLOT;
}

/** The constant that the few operations before put into a register: `mov eax, 5000h; call __chkstk; sub rsp, rax`. */
function constantBefore(body: FollowedFunction, i: number, register: number): number | undefined {
  const operations = body.operations;
  for (let before = i - 1; before >= 0 && before >= i - 4; before--) {
    if (operations.dst[before] === register) {
      const isConstant = operations.op[before] === Op.move && operations.source[before] === NONE;
      return isConstant ? operations.low[before] : undefined;
    }
  }
  return undefined;
}

function bounded(offset: number): number {
  return offset > MAX_FRAME_BYTES || offset < -MAX_FRAME_BYTES ? NO_SLOT : offset;
}
