/** How large a number may be where a comparison before has let it through: `cmp ecx, 3; ja` keeps it at 0 to 3. */

import { Condition, NONE, Op } from '../processors/operations.ts';
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
  const range = assumedRange(walk, open) ?? rangeOf(walk, open, before, depth);
  if (range === undefined) {
    const counted = countedNumbers(walk, values.values, before, depth);
    return counted === undefined ? values : ValueSet.ofAll(counted);
  }
  const numbers = ValueSet.ofAll(values.values.filter(({ kind }) => kind === 'constant'));
  const rva = walk.body.operations.rva[before];
  for (let number = range.low; number <= range.high; number++) numbers.add(constant(number, 'computed', rva));
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
  if (compare === undefined || range === undefined || !isShort(range)) return look();
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

/**
 * What the comparisons on the only way here leave of an open number. A comparison may be of the same number plus a constant: where
 * `x - 5` is -3 or above, as a number without a sign, `x` is 2 to 4. So they are put together for the number without it.
 */
function rangeOf(walk: Walk, open: readonly Value[], before: number, depth: number): NumberRange | undefined {
  const { blocks, blockOf, operations } = walk.body;
  const number = open.length === 1 ? partOf(open[0]) : undefined;
  const plus = number?.plus ?? 0;
  let block = blockOf[before];
  let low = 0;
  let high = LAST_NUMBER;
  for (let hops = 0; hops < MAX_BLOCKS; hops++) {
    const from = blocks.predecessors.only(block);
    if (from === undefined) break;
    const branch = blocks.end[from] - 1;
    if (operations.op[branch] === Op.branch) {
      const isTaken = walk.body.operationAt(operations.low[branch]) === blocks.begin[block];
      const compare = comparisonBefore(walk, branch, blocks.begin[from]);
      const range = compare === undefined ? undefined : rangeAfter(walk, compare, branch, isTaken);
      if (range !== undefined && compare !== undefined) {
        const { values } = walk.at(register(operations.left[compare]), compare, depth + 1);
        const isSameNumber = values.some(value => open.some(other => isSame(value, other)));
        const added = isSameNumber ? plus : addedTo(number?.whole, values, operations.alu[branch]);
        const moved = added === undefined ? undefined : movedRange(range, -added);
        if (moved !== undefined) {
          low = Math.max(low, moved.low);
          high = Math.min(high, moved.high);
        }
      }
    }
    block = from;
  }
  const range = { low: low + plus, high: high + plus };
  return isShort(range) ? range : undefined;
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

/** Whether the numbers are few enough to be listed. */
function isShort({ low, high }: NumberRange): boolean {
  return low >= 0 && low <= high && high - low < MAX_NUMBERS && high < 0x100;
}

/** The comparison with a constant that the branch decides by. */
function comparisonBefore(walk: Walk, branch: number, begin: number): number | undefined {
  const { op, source } = walk.body.operations;
  for (let i = branch - 1; i >= begin; i--) {
    if (op[i] === Op.compare) return source[i] === NONE ? i : undefined;
    // On x86 arithmetic sets the flags as well.
    if (op[i] === Op.binary && walk.processor.arch !== 'arm64') return undefined;
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
