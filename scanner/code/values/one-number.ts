/**
 * Two registers that are multiples of one number: `i + i`, `i * 8 - i`, as compilers without a multiplication make the distance of
 * an element. The values of each are sets, and of two sets nobody knows which belong together; of one number there is one.
 */
import { NO_EDGE } from '../functions/block-graph.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Alu, indexFactor, NONE, Op, VECTOR0 } from '../processors/operations.ts';
import { isLostInCall, type Processor } from '../processors/processor.ts';

/** Some multiples of what `register` holds just before the operation `before`. */
export interface OneNumber {
  register: number;
  before: number;
  /** By what the two registers multiply it. */
  first: number;
  second: number;
}

interface Multiple {
  register: number;
  before: number;
  factor: number;
}

/** Operations that one question looks back over in all: distances are worked out in a row, and blocks may be of any length. */
const MAX_OPERATIONS = 64;

/** Forks that are passed on the way to where a multiple was made, and operations of a block there. */
const MAX_CLIMBED = 3;
const MAX_BLOCK = 64;

/** How many are left of the question that is asked, and of which processor: it asks for parts of itself. */
let operationsLeft = 0;
let processor: Processor;

/** Both registers, just before an operation, as multiples of one number; undefined where they are of two. */
export function oneNumber(
  walk: { readonly body: FunctionBody; readonly processor: Processor },
  first: number,
  second: number,
  before: number,
): OneNumber | undefined {
  if (first >= VECTOR0 || second >= VECTOR0) return undefined;
  operationsLeft = MAX_OPERATIONS;
  processor = walk.processor;
  return ofBoth(walk.body, first, second, before);
}

function ofBoth(body: FunctionBody, first: number, second: number, before: number): OneNumber | undefined {
  const one = multipleOf(body, first, before);
  const other = multipleOf(body, second, before);
  if (one.register !== other.register || one.before !== other.before) return undefined;
  return { register: one.register, before: one.before, first: one.factor, second: other.factor };
}

/** A register as a multiple of the earliest number that it is made of alone. */
function multipleOf(body: FunctionBody, register: number, before: number): Multiple {
  const { op, dst, left, source, alu, size, low, base, index, scale, displacement } = body.operations;
  let begin = body.blocks.begin[body.blockOf[before]];
  let [number, at, factor] = [register, before, 1];
  for (;;) {
    let j = lastChange(body, number, at, begin);
    if (j < begin) {
      const earlier = changeBefore(body, number, body.blockOf[begin]);
      if (earlier === undefined) return { register: number, before: begin, factor };
      j = earlier;
      begin = body.blocks.begin[body.blockOf[j]];
    }
    const here = { register: number, before: j + 1, factor };
    if (operationsLeft < 0 || dst[j] !== number || body.slot[j] !== NO_SLOT) return here;
    const isCopy = op[j] === Op.move || op[j] === Op.zeroExtend || op[j] === Op.signExtend;
    if (isCopy && source[j] < VECTOR0 && size[j] >= 4) number = source[j];
    else if (op[j] === Op.binary && source[j] === NONE && isScaling(alu[j], low[j])) {
      factor *= alu[j] === Alu.multiply ? low[j] : 1 << low[j];
      number = left[j];
    } else if (
      op[j] === Op.binary &&
      source[j] < VECTOR0 &&
      (alu[j] === Alu.add || alu[j] === Alu.subtract)
    ) {
      const both = ofBoth(body, left[j], source[j], j);
      if (both === undefined) return here;
      const sum = both.first + (alu[j] === Alu.add ? both.second : -both.second);
      return { register: both.register, before: both.before, factor: factor * sum };
    } else if (op[j] === Op.address && base[j] === NONE && index[j] < VECTOR0 && displacement[j] === 0) {
      factor *= indexFactor(scale[j]); // lea eax, [edx*4]
      number = index[j];
    } else if (op[j] === Op.address && base[j] < VECTOR0 && index[j] < VECTOR0 && displacement[j] === 0) {
      const both = ofBoth(body, base[j], index[j], j);
      if (both === undefined) return here;
      const sum = both.first + both.second * indexFactor(scale[j]);
      return { register: both.register, before: both.before, factor: factor * sum };
    } else return here;
    at = j;
  }
}

/**
 * The operation that changes the register before a block, on whatever way control comes there; undefined where none is found near by.
 * Compilers keep a multiple of an index across a condition with a call in it, and finish the distance behind that.
 */
function changeBefore(body: FunctionBody, register: number, block: number): number | undefined {
  const { begin, end } = body.blocks;
  let here = block;
  for (let climbed = 0; climbed < MAX_CLIMBED; climbed++) {
    const before = forkBefore(body, register, here);
    if (before === undefined || end[before] - begin[before] > MAX_BLOCK) return undefined;
    const j = lastOf(body, register, before);
    if (j >= begin[before]) return j;
    here = before;
  }
  return undefined;
}

/** The one block that control has left on every way to this one, by a fork at most whose ways leave the register alone. */
function forkBefore(body: FunctionBody, register: number, block: number): number | undefined {
  const { predecessors, begin, end } = body.blocks;
  if (begin[block] === 0) return undefined; // callers come there as well
  const only = predecessors.only(block);
  if (only !== undefined) return only;
  const edge = predecessors.first[block];
  const other = edge === NO_EDGE ? NO_EDGE : predecessors.next[edge];
  if (other === NO_EDGE || predecessors.next[other] !== NO_EDGE) return undefined;
  const [one, two] = [predecessors.target[edge], predecessors.target[other]];
  const [beforeOne, beforeTwo] = [one, two].map(way =>
    begin[way] === 0 ? undefined : predecessors.only(way),
  );
  const isLeft = (way: number) =>
    end[way] - begin[way] <= MAX_BLOCK && lastOf(body, register, way) < begin[way];
  if (beforeOne === two) return isLeft(one) ? two : undefined;
  if (beforeTwo === one) return isLeft(two) ? one : undefined;
  return beforeOne !== undefined && beforeOne === beforeTwo && isLeft(one) && isLeft(two)
    ? beforeOne
    : undefined;
}

/** The last operation of a block that changes the register, or may; below its first where none does. */
function lastOf(body: FunctionBody, register: number, block: number): number {
  const { begin, end } = body.blocks;
  let j = end[block] - 1;
  while (j >= begin[block] && !mayChange(body, register, j)) j--;
  return j;
}

function mayChange(body: FunctionBody, register: number, j: number): boolean {
  const { op, dst } = body.operations;
  const isCall = op[j] === Op.call || op[j] === Op.callIndirect;
  return dst[j] === register || op[j] === Op.killMany || (isCall && isLostInCall(processor, register, 0));
}

function isScaling(alu: number, amount: number): boolean {
  return (alu === Alu.shiftLeft && amount < 12) || (alu === Alu.multiply && amount > 0 && amount < 0x1000);
}

/** The operation nearest before a place that changes the register, or may; below `begin` where none does. */
function lastChange(body: FunctionBody, register: number, before: number, begin: number): number {
  for (let j = before - 1; j >= begin; j--)
    if (--operationsLeft < 0 || mayChange(body, register, j)) return j;
  return begin - 1;
}
