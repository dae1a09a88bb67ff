/** How large a number may be where a comparison before has let it through: `cmp ecx, 3; ja` keeps it at 0 to 3. */

import { NO_EDGE } from '../functions/block-graph.ts';
import { Alu, Condition, NONE, Op } from '../processors/operations.ts';
import { countedNumbers, MAX_NUMBERS } from './loop-counters.ts';
import { constant, isSame } from './make-value.ts';
import { type Value, ValueSet } from './values.ts';
import { type NumberRange, register, type Walk } from './walk.ts';

/** The largest number of 32 bits without a sign. */
const LAST_NUMBER = 0xffffffff;
/** Comparisons of numbers with a sign; each with its opposite. */
const SIGNED: ReadonlySet<number> = new Set([Condition.less, Condition.lessOrEqual]);
/** Blocks between the comparison and the use, each entered from the one before only. */
const MAX_BLOCKS = 8;

/** The values with every open number replaced by those that a comparison leaves of it; as they were where there is none. */
export function enumerated(walk: Walk, values: ValueSet, before: number, depth: number): ValueSet {
  const open = values.values.filter(isOpen);
  if (open.length === 0) return values;
  const assumed = assumedRange(walk, open);
  const found = assumed === undefined ? numbersOf(walk, open, before, depth) : listed(assumed);
  if (found === undefined || found.length === 0) {
    const counted = countedNumbers(walk, values.values, before, depth);
    return counted === undefined ? values : ValueSet.ofAll(counted);
  }
  const numbers = ValueSet.ofAll(values.values.filter(({ kind }) => kind === 'constant'));
  const rva = walk.body.operations.rva[before];
  for (const number of found) numbers.add(constant(number, 'computed', rva));
  return numbers;
}

/** A number that is the same wherever it is read, so that a comparison of it says something: also one less the first case. */
function isOpen({ kind }: Value): boolean {
  return ['inside', 'parameter', 'field', 'behind', 'memory', 'result', 'previous'].includes(kind);
}

/** Looks at an operand of the conditional move `i` under its condition (`holds`) or under the opposite one. */
export function assuming(
  walk: Walk,
  i: number,
  holds: boolean,
  depth: number,
  look: () => ValueSet,
): ValueSet {
  const compare = comparisonBefore(walk, i, walk.body.blocks.begin[walk.body.blockOf[i]]);
  const range = compare === undefined ? undefined : rangeAfter(walk, compare, i, holds);
  if (compare === undefined || range === undefined || listed(range) === undefined) return look();
  const { left } = walk.body.operations;
  const compared = walk.at(register(left[compare]), compare, depth + 1).values;
  walk.assumptions.push({ compared, range });
  const values = look();
  walk.assumptions.pop();
  return values;
}

function assumedRange(walk: Walk, open: readonly Value[]): NumberRange | undefined {
  return walk.assumptions.find(({ compared }) =>
    compared.some(value => open.some(other => isSame(value, other))),
  )?.range;
}

/** An open number without what was added to it. */
interface OpenNumber {
  readonly open: readonly Value[];
  readonly whole: Value | undefined;
  readonly plus: number;
}

/**
 * What the comparisons on the only way here leave of an open number. A comparison may be of the same number plus a constant: where
 * `x - 5` is -3 or above, as a number without a sign, `x` is 2 to 4. So they are put together for the number without it.
 * Where several ways meet, each may have found it equal to something (`x == 0 || x == 1`); a switch's table tells which numbers lead here.
 */
function numbersOf(
  walk: Walk,
  open: readonly Value[],
  before: number,
  depth: number,
): readonly number[] | undefined {
  const { blocks, blockOf } = walk.body;
  const part = open.length === 1 ? partOf(open[0]) : undefined;
  const number: OpenNumber = { open, whole: part?.whole, plus: part?.plus ?? 0 };
  let block = blockOf[before];
  let low = 0;
  let high = LAST_NUMBER;
  let choice: readonly number[] | undefined;
  for (let hops = 0; hops < MAX_BLOCKS && choice === undefined; hops++) {
    const from = blocks.predecessors.only(block);
    if (from === undefined) {
      choice = choiceBefore(walk, number, block, depth);
      break;
    }
    const compared = comparedOnEdge(walk, number, from, block, depth);
    if (compared !== undefined) {
      low = Math.max(low, compared.range.low);
      high = Math.min(high, compared.range.high);
    }
    choice = switchedTo(walk, number, from, block, depth);
    block = from;
  }
  const range = movedBy(number.plus, { low, high });
  return choice?.filter(one => one >= range.low && one <= range.high) ?? listed(range);
}

/** The numbers of the ways that meet at a block, each with a comparison or a table of its own; undefined where one of them has none. */
function choiceBefore(
  walk: Walk,
  number: OpenNumber,
  block: number,
  depth: number,
): readonly number[] | undefined {
  const { begin, predecessors } = walk.body.blocks;
  if (begin[block] === 0) return undefined; // callers come there, too
  const numbers = new Set<number>();
  for (let edge = predecessors.first[block]; edge !== NO_EDGE; edge = predecessors.next[edge]) {
    const from = predecessors.target[edge];
    const range = comparedOnEdge(walk, number, from, block, depth)?.range;
    const found =
      range === undefined
        ? switchedTo(walk, number, from, block, depth)
        : listed(movedBy(number.plus, range));
    if (found === undefined) return undefined;
    for (const one of found) numbers.add(one);
    if (numbers.size > MAX_NUMBERS) return undefined;
  }
  return numbers.size === 0 ? undefined : [...numbers];
}

/** Numbers without `number.plus`, and what the comparison adds to these. */
interface Compared {
  range: NumberRange;
  added: number;
}

/** What the branch at the end of one block leaves of the number where it goes on to the other one. */
function comparedOnEdge(
  walk: Walk,
  number: OpenNumber,
  from: number,
  block: number,
  depth: number,
): Compared | undefined {
  const { blocks, operations } = walk.body;
  const branch = blocks.end[from] - 1;
  if (operations.op[branch] !== Op.branch) return undefined;
  const isTaken = walk.body.operationAt(operations.low[branch]) === blocks.begin[block];
  const compare = comparisonBefore(walk, branch, blocks.begin[from]);
  const found = compare === undefined ? undefined : rangeAfter(walk, compare, branch, isTaken);
  if (found === undefined || compare === undefined) return undefined;
  const { values } = walk.at(register(operations.left[compare]), compare, depth + 1);
  const isSameNumber = values.some(value => number.open.some(other => isSame(value, other)));
  const added = isSameNumber ? number.plus : addedTo(number.whole, values, operations.alu[branch]);
  const range = added === undefined ? undefined : movedRange(found, -added);
  return added === undefined || range === undefined ? undefined : { range, added };
}

/**
 * The numbers for which a jump by a table at the end of one block leads to the other one, where the comparison before it is of this
 * number: it keeps the table's index small. None where the table is no longer than what it is asked for, since other tables lead to that.
 */
function switchedTo(
  walk: Walk,
  number: OpenNumber,
  from: number,
  block: number,
  depth: number,
): readonly number[] | undefined {
  const { blocks, operations, tableTargets } = walk.body;
  const targets = tableTargets.get(blocks.end[from] - 1);
  const before = targets === undefined ? undefined : blocks.predecessors.only(from);
  if (targets === undefined || before === undefined) return undefined;
  const compared = comparedOnEdge(walk, number, before, from, depth);
  if (compared === undefined) return undefined;
  const { added } = compared;
  const range = movedBy(added, compared.range);
  if (range.low !== 0 || range.high >= targets.length) return [];
  const rva = operations.rva[blocks.begin[block]];
  return targets.flatMap((target, n) => (target === rva && n <= range.high ? [n - added + number.plus] : []));
}

/** What a comparison adds to the number, whose sign does not matter then; undefined where it is of another number. */
function addedTo(
  whole: Value | undefined,
  compared: readonly Value[],
  condition: number,
): number | undefined {
  const hasSign = SIGNED.has(condition & ~1);
  const other = compared.length === 1 && !hasSign ? partOf(compared[0]) : undefined;
  return whole !== undefined && other !== undefined && isSame(whole, other.whole) ? other.plus : undefined;
}

/** A range of numbers of 32 bits without a sign, moved; undefined where it becomes two of them. */
function movedRange(range: NumberRange, change: number): NumberRange | undefined {
  if (change === 0) return range;
  const low = (range.low >>> 0) + change;
  const high = (range.high === Infinity ? LAST_NUMBER : range.high >>> 0) + change;
  const round = Math.floor(low / 2 ** 32) * 2 ** 32;
  return high - round > LAST_NUMBER ? undefined : { low: low - round, high: high - round };
}

/** An open number and what was added to it. */
function partOf(value: Value): { whole: Value; plus: number } | undefined {
  if (value.kind !== 'inside') return { whole: value, plus: 0 };
  return value.stride === 0 ? { whole: value.object, plus: value.plus } : undefined;
}

function movedBy(plus: number, { low, high }: NumberRange): NumberRange {
  return { low: low + plus, high: high + plus };
}

/** The numbers of a range that has few; undefined where it has many. */
function listed({ low, high }: NumberRange): readonly number[] | undefined {
  const isShort = low >= 0 && low <= high && high - low < MAX_NUMBERS && high < 0x100;
  return isShort ? Array.from({ length: high - low + 1 }, (_, n) => low + n) : undefined;
}

/** The comparison with a constant that the branch decides by. */
function comparisonBefore(walk: Walk, branch: number, begin: number): number | undefined {
  const { op, alu, source } = walk.body.operations;
  for (let i = branch - 1; i >= begin; i--) {
    if (op[i] === Op.compare) return source[i] === NONE ? i : undefined;
    // On x86 arithmetic sets the flags as well: a subtraction does as the comparison with its amount.
    if (op[i] === Op.binary && walk.processor.arch !== 'arm64')
      return alu[i] === Alu.subtract && source[i] === NONE ? i : undefined;
  }
  return undefined;
}

/** The numbers that go on from the branch to where the value is used. */
function rangeAfter(walk: Walk, compare: number, branch: number, isTaken: boolean): NumberRange | undefined {
  const { low, alu } = walk.body.operations;
  if (alu[branch] === Condition.other) return undefined;
  const limit = low[compare];
  const condition = isTaken ? alu[branch] : alu[branch] ^ 1;
  if (condition === Condition.equal) return { low: limit, high: limit };
  switch (condition) {
    case Condition.below:
    case Condition.less:
      return { low: 0, high: limit - 1 };
    case Condition.belowOrEqual:
    case Condition.lessOrEqual:
      return { low: 0, high: limit };
    case Condition.above:
    case Condition.greater:
      return { low: limit + 1, high: Infinity };
    case Condition.aboveOrEqual:
    case Condition.greaterOrEqual:
      return { low: limit, high: Infinity };
    case Condition.notEqual:
      return limit === 0 ? { low: 1, high: Infinity } : undefined;
  }
  return undefined;
}
