/** Memory that a loop fills with a pattern (`TestTestTest`): what stands in it is no tag, whoever may read one at such a distance. */
import { NONE, Op, type OperationList } from '../processors/operations.ts';

/** Operations before and behind a store in which its like is looked for: loops are unrolled eight times at most. */
const MAX_APART = 16;

/** Whether the store `i` to an element of an array, by an index, is one of several that put the same into one element. */
export function isPartOfPattern(operations: OperationList, i: number): boolean {
  const { index } = operations;
  return index[i] !== NONE && (hasLike(operations, i, 1) || hasLike(operations, i, -1));
}

function hasLike(
  { op, dst, base, index, source, size, displacement, low, count }: OperationList,
  i: number,
  step: number,
): boolean {
  for (let n = 1; n <= MAX_APART; n++) {
    const j = i + n * step;
    if (j < 0 || j >= count) return false;
    if (op[j] !== Op.store) {
      // What stands there afterwards is another element, or another value.
      const isOver = dst[j] !== NONE && [base[i], index[i], source[i]].includes(dst[j]);
      if (isOver || op[j] === Op.call || op[j] === Op.callIndirect) return false;
      continue;
    }
    const isSameElement = base[j] === base[i] && index[j] === index[i] && size[j] === size[i];
    const isSameValue = source[j] === source[i] && (source[i] !== NONE || low[j] === low[i]);
    if (isSameElement && isSameValue && displacement[j] !== displacement[i]) return true;
  }
  return false;
}
