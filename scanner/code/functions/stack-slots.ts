/** Follows the stack pointer and its copies through a function, so that every frame access gets one name. */

import { Alu, NONE, Op, type OperationList, X86 } from '../processors/operations.ts';
import { OPENS_FRAME, type PoppedBytes, type Processor } from '../processors/processor.ts';
import { type BlockGraph, NO_EDGE } from './block-graph.ts';
import { FrameStates, NO_SLOT, REGISTERS } from './frame-states.ts';

/** Also what `slot` says of an operation that is no access to the frame. */
export { NO_SLOT };

/** Frames deeper than this come from a misread function. */
const MAX_FRAME_BYTES = 1 << 20;

/** Where the stack pointer and its copies point at one place of the function; NO_SLOT where a register holds none. */
type State = Int32Array;

/** A function whose frame is followed; the arrays have room for every operation. */
export interface FollowedFunction {
  readonly operations: OperationList;
  readonly blocks: BlockGraph;
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
  /** The first operation of the instruction at an RVA, or -1. */
  operationAt(rva: number): number;
}

/** One for all functions: none is followed while another is. */
const STATES = new FrameStates();

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
  const { op, dst, left, source, base } = body.operations;
  const { stackAt, slot, blocks } = body;
  const { successors } = blocks;
  const stack = processor.stackRegister;
  STATES.beginFunction(body.blocks.count, entry, stack);
  const waiting = [entry];
  const state = STATES.here;
  let held = 0;
  while (waiting.length > 0) {
    const number = waiting.pop()!;
    held = STATES.beginBlock(number, held);
    const end = blocks.end[number];
    for (let i = blocks.begin[number]; i < end; i++) {
      // Most operations name no register that points into the frame, and change nothing here.
      const named = BIT[dst[i]] | BIT[base[i]] | BIT[source[i]] | BIT[left[i]];
      if ((named & held) === 0 && CHANGES_MORE[op[i]] === 0) {
        stackAt[i] = state[stack];
        slot[i] = NO_SLOT;
        continue;
      }
      step(body, i, state, processor, poppedBytes);
      if (CHANGES_ALL[op[i]] !== 0) held = STATES.heldHere();
      else held = withBit(withBit(held, state, stack), state, dst[i]);
    }
    for (let edge = successors.first[number]; edge !== NO_EDGE; edge = successors.next[edge]) {
      const next = successors.target[edge];
      if (STATES.leadsTo(next, held, stack)) waiting.push(next);
    }
  }
}

/** Of the registers that hold something, a bit for each, one may have changed. */
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
