/** Numbers that a loop counts: from the first one by a step to the end that the loop compares with. */

import { type BlockGraph, NO_EDGE } from '../functions/block-graph.ts';
import { Alu, Condition, NONE, Op } from '../processors/operations.ts';
import { constant, multiple } from './make-value.ts';
import { type Value, ValueSet } from './values.ts';
import { register, type Walk } from './walk.ts';

/** Tags that differ in a counted digit; a longer row is no longer an enumeration. */
export const MAX_NUMBERS = 36;
/** Blocks of a loop with two counters. */
const MAX_LOOP_BLOCKS = 64;

/**
 * The numbers of a loop that counts: where a value is a constant or the value before plus a step, and the loop ends by
 * comparing it, or another number that is counted by the same block, with an end that the steps reach exactly. `use` is
 * the operation that uses it. Undefined for other sets of values.
 */
export function countedNumbers(
  walk: Walk,
  values: readonly Value[],
  use: number,
  depth = 0,
): Value[] | undefined {
  const counter = counterOf(values);
  if (counter === undefined) return undefined;
  const { op, low, source, left, dst, count } = walk.body.operations;
  for (let i = 0; i < count; i++) {
    if (op[i] !== Op.compare || source[i] !== NONE) continue;
    const compared = walk.at(register(left[i]), i, depth + 1).values;
    const numbers = numbersUpTo(walk, counter, { i, compared, number: low[i] }, use);
    if (numbers !== undefined) return numbers;
  }
  for (let i = 0; i + 1 < count; i++) {
    const end = endOfStep(walk, i);
    if (end === undefined) continue;
    const compared = walk.at(register(dst[i]), i + 1, depth + 1).values;
    const numbers = numbersUpTo(walk, counter, { i, compared, ...end }, use);
    if (numbers !== undefined) return numbers;
  }
  return undefined;
}

/** Where a loop ends: operation `i` compares a number that it counts with a constant. */
interface LoopEnd {
  i: number;
  compared: readonly Value[];
  number: number;
  /** It ends where a step leads below zero. */
  isBorrow?: true;
}

/** The numbers of the counter, where it is counted by the loop that ends there. */
function numbersUpTo(
  walk: Walk,
  counter: Counter,
  { i, compared, number, isBorrow }: LoopEnd,
  use: number,
): Value[] | undefined {
  const { rva } = walk.body.operations;
  const other = counterOf(compared);
  if (other === undefined || !isInStep(walk, counter, other) || !mayEnd(walk, i, other)) return undefined;
  const isAmong = (wanted: number) =>
    compared.some(value => value.kind === 'constant' && value.value === wanted >>> 0);
  // The very number plus a constant: `previous` has that constant in what a round adds.
  const isSum = counter.by === other.by && counter.step !== other.step;
  const step = isSum ? other.step : counter.step;
  const first = (counter.start - (counter.step - step)) >>> 0;
  const isSame = other.step === step && (isAmong(first) || isAmong(first + step));
  if (isSum && !isSame) return undefined;
  // Kept apart when it is stepped (`next = i + 24; ... i = next`), it is a round ahead of what is compared.
  const isAhead = counter.by !== other.by && first === (other.start + step) >>> 0;
  const start = isSame && !isAhead ? first : other.start;
  // Where the next number is compared, a round less is left: the first one may be negative then, and is not seen there.
  const isNext = !isAmong(start);
  const from = isNext ? (start + other.step) >>> 0 : start;
  const exact = stepsTo(number >>> 0, from, other.step, isBorrow === true || canPassZero(walk, i));
  // `n <= 59` for `n < 60`: what the loop counts in larger steps goes past such an end.
  const isPassed = !Number.isInteger(exact) && exact > 0 && isOrdered(walk, i);
  const steps = (isPassed ? Math.ceil(exact) : exact) + (isNext ? 1 : 0);
  if (!Number.isInteger(steps) || steps < 1 || steps > MAX_NUMBERS) return undefined;
  // Where the end itself belongs to the loop, one more.
  const last = steps + (!isPassed && !isBorrow && includesEnd(walk, i, other) ? 1 : 0) - (isNext ? 1 : 0);
  const rounds = isBehind(walk, i, use) && !isAfterLoop(walk, i, use) ? last : last + 1;
  return Array.from({ length: Math.min(rounds, MAX_NUMBERS) }, (_, n) =>
    constant((counter.start + n * step) >>> 0, 'computed', rva[i]),
  );
}

/** How often a loop steps from `start` to `end`: negative numbers, of 32 bits without a sign, may be counted up to zero. */
function stepsTo(end: number, start: number, step: number, canPass: boolean): number {
  const distance = end - start;
  const isOtherWay = canPass && distance < 0 !== step < 0;
  return (isOtherWay ? distance + Math.sign(step) * 2 ** 32 : distance) / step;
}

/** Whether the loop is left only where the very end is met, so that a number may pass zero on its way. */
function canPassZero(walk: Walk, i: number): boolean {
  const { op, alu } = walk.body.operations;
  const end = walk.body.blocks.end[walk.body.blockOf[i]];
  return op[end - 1] === Op.branch && (alu[end - 1] | 1) === Condition.notEqual;
}

/** What changes no flags of x86. */
const KEEPS_FLAGS: ReadonlySet<number> = new Set([Op.move, Op.load, Op.store, Op.address]);

/**
 * Where the loop ends that steps a number at `i` and asks only what the step has left: at zero (`sub rsi, 1; jne`), or below it
 * (`sub rsi, 1; jae`, `add rsi, -1; jb`, `dec esi; jns`).
 */
function endOfStep(walk: Walk, i: number): Pick<LoopEnd, 'number' | 'isBorrow'> | undefined {
  const { op, alu, source, size, low } = walk.body.operations;
  const isStep = op[i] === Op.binary && (alu[i] === Alu.add || alu[i] === Alu.subtract);
  if (!isStep || source[i] !== NONE || size[i] < 4 || walk.processor.arch === 'arm64') return undefined;
  const branch = walk.body.blocks.end[walk.body.blockOf[i]] - 1;
  for (let j = i + 1; j < branch; j++) if (!KEEPS_FLAGS.has(op[j])) return undefined;
  if (branch <= i || op[branch] !== Op.branch) return undefined;
  if (canPassZero(walk, i)) return { number: 0 };
  const isDown = (alu[i] === Alu.subtract ? -low[i] | 0 : low[i] | 0) === -1;
  const condition = alu[branch] | 1;
  const asksForBorrow = condition === Condition.aboveOrEqual || condition === Condition.notNegative;
  return isDown && asksForBorrow ? { number: -1, isBorrow: true } : undefined;
}

/** A distance that a loop counts: each of its numbers where the loop's end is known, else any multiple of its step. */
export function counted(walk: Walk, distances: ValueSet, i: number, depth: number): ValueSet {
  const counter = counterOf(distances.values);
  if (counter === undefined) return distances;
  const numbers = countedNumbers(walk, distances.values, i, depth);
  if (numbers !== undefined) return ValueSet.ofAll(numbers);
  const any = multiple(Math.abs(counter.step), counter.start);
  return distances.map(value => (value.kind === 'previous' ? any : value));
}

/** A number that a loop counts: its first value, what each round adds, and the operation that carries it round. */
interface Counter {
  start: number;
  step: number;
  by: number;
}

/** The counter whose values these are; where it is met behind its step, the second round's is the first one known. */
function counterOf(values: readonly Value[]): Counter | undefined {
  const previous = values.find(value => value.kind === 'previous' && value.plus !== 0);
  if (previous?.kind !== 'previous') return undefined;
  const { plus: step, operation: by } = previous;
  const starts = values.flatMap(value => (value.kind === 'constant' ? [value.value] : []));
  // The first round gives the start, the second one the start plus the step: the rest is the same again.
  const start = starts.find(number => starts.includes((number + step) >>> 0)) ?? starts[0];
  return start === undefined ? undefined : { start, step, by };
}

/**
 * Whether every round of the one is a round of the other: the same block steps both, or the blocks that do take turns. Two
 * loops that count alike, side by side or one in the other, end apart.
 */
function isInStep({ body }: Walk, a: Counter, b: Counter): boolean {
  const ofA = body.blockOf[a.by];
  const ofB = body.blockOf[b.by];
  if (ofA === ofB) return true;
  if (a.step !== b.step) return false;
  return !comesBack(body.blocks, ofA, ofB) && !comesBack(body.blocks, ofB, ofA);
}

/** Whether the loop may be left at comparison `i`: from either side of others, as of a case in a loop, it goes on to the next round. */
function mayEnd({ body }: Walk, i: number, { by }: Counter): boolean {
  const { successors } = body.blocks;
  const at = body.blockOf[i];
  if (body.blockOf[by] === at) return true;
  for (let edge = successors.first[at]; edge !== NO_EDGE; edge = successors.next[edge]) {
    const side = successors.target[edge];
    if (side !== body.blockOf[by] && !leadsTo(body.blocks, side, body.blockOf[by], at)) return true;
  }
  return false;
}

/** Whether the use comes when the loop has ended there: what it uses may have been put aside in the round that ended it. */
function isAfterLoop({ body }: Walk, i: number, use: number): boolean {
  const { blocks, blockOf } = body;
  const [at, used] = [blockOf[i], blockOf[use]];
  for (let edge = blocks.successors.first[at]; edge !== NO_EDGE; edge = blocks.successors.next[edge]) {
    const side = blocks.successors.target[edge];
    const isInLoop = side === at || leadsTo(blocks, side, at, -1);
    if (!isInLoop && (side === used || leadsTo(blocks, side, used, at))) return true;
  }
  return false;
}

/** Whether there is a way from a block back to it that does not pass another one; true where the loop is too large to tell. */
function comesBack(blocks: BlockGraph, block: number, without: number): boolean {
  return leadsTo(blocks, block, block, without);
}

function leadsTo({ successors }: BlockGraph, begin: number, end: number, without: number): boolean {
  const waiting = [begin];
  const seen = new Set([without]);
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (let edge = successors.first[from]; edge !== NO_EDGE; edge = successors.next[edge]) {
      const to = successors.target[edge];
      if (to === end || seen.size > MAX_LOOP_BLOCKS) return true;
      if (seen.has(to)) continue;
      seen.add(to);
      waiting.push(to);
    }
  }
  return false;
}

/** How the branch behind comparison `i` decides, or the opposite. */
function conditionOf({ body }: Walk, i: number): number {
  const { op, alu, low } = body.operations;
  const branch = body.blocks.end[body.blockOf[i]] - 1;
  if (op[branch] !== Op.branch || alu[branch] === Condition.other) return Condition.other;
  const condition = alu[branch] | 1;
  if (condition !== Condition.notNegative) return condition;
  return low[i] === 0 ? Condition.greaterOrEqual : Condition.other;
}

/** Whether a loop that is left by comparison `i` asks which number is larger. */
function isOrdered(walk: Walk, i: number): boolean {
  const condition = conditionOf(walk, i);
  return condition !== Condition.other && condition !== Condition.notEqual;
}

/** Whether a loop that is left by comparison `i` goes on with the number that it compares with. */
function includesEnd(walk: Walk, i: number, { step, by }: Counter): boolean {
  const condition = conditionOf(walk, i);
  if (condition === Condition.notEqual) return goesOnAtEnd(walk, i, by);
  const isBelow = condition === Condition.above || condition === Condition.greater; // or the opposite: not above
  const isAbove = condition === Condition.aboveOrEqual || condition === Condition.greaterOrEqual;
  return step > 0 ? isBelow : isAbove;
}

/** Whether only the very number leads back into the loop: clang 22 writes a loop of two rounds so. */
function goesOnAtEnd({ body }: Walk, i: number, by: number): boolean {
  const { blocks, blockOf, operations } = body;
  const at = blockOf[i];
  const branch = blocks.end[at] - 1;
  const taken = blockOf[body.operationAt(operations.low[branch]) ?? -1];
  const next = blockOf[branch + 1];
  if (taken === undefined || next === undefined || branch + 1 >= operations.count) return false;
  const [equal, others] = operations.alu[branch] === Condition.equal ? [taken, next] : [next, taken];
  const comesTo = (side: number) => side === blockOf[by] || leadsTo(blocks, side, blockOf[by], -1);
  return comesTo(equal) && !comesTo(others);
}

/** Whether every way to the use leads through the comparison: then the round that ends the loop uses nothing. */
function isBehind(walk: Walk, compare: number, use: number): boolean {
  const { blocks, blockOf } = walk.body;
  const { predecessors } = blocks;
  const end = blockOf[compare];
  if (blockOf[use] === end) return compare < use;
  const seen = new Set([blockOf[use], end]);
  const waiting = [blockOf[use]];
  for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
    if (blocks.begin[block] === 0) return false;
    for (let edge = predecessors.first[block]; edge !== NO_EDGE; edge = predecessors.next[edge]) {
      const from = predecessors.target[edge];
      if (seen.has(from)) continue;
      seen.add(from);
      waiting.push(from);
    }
  }
  return true;
}
