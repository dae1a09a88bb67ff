/**
 * Where two registers are equal, compilers use either for the other. An empty list's head holds its own address, so that GCC reads the
 * object around the list by what the head holds (`entry = head->next; if (entry == head) use(entry->tag)`).
 */

import { Condition, Op, VECTOR0 } from '../processors/operations.ts';
import { lastDefinition } from './last-definition.ts';
import type { Value, ValueSet } from './values.ts';
import { register, type Walk } from './walk.ts';

/** Blocks back to the comparison; each on the only way there. */
const MAX_BLOCKS = 4;
/** Operations looked through for one that changes the register. */
const MAX_OPERATIONS = 64;

/**
 * The pointers in the register `number` before operation `i`: what it was compared with, where both are equal here and the other one is
 * known by more than where it was read.
 */
export function orItsEqual(walk: Walk, number: number, i: number, found: ValueSet, depth: number): ValueSet {
  if (found.values.length !== 1 || !isRead(found.values[0])) return found;
  const equal = equalTo(walk, number, i);
  if (equal === undefined) return found;
  const other = walk.at(register(equal.number), equal.compare, depth + 1);
  return other.values.length === 1 && isPlain(other.values[0]) ? other : found;
}

/** A pointer that stands in some object. */
function isRead(value: Value): boolean {
  if (value.kind === 'parameter') return value.place.behind !== undefined;
  return value.kind === 'field' || value.kind === 'behind';
}

function isPlain(value: Value): boolean {
  if (value.kind === 'inside' && value.stride === 0) return isPlain(value.object);
  if (value.kind === 'parameter') return value.place.behind === undefined;
  return value.kind === 'address' || value.kind === 'stack' || value.kind === 'result';
}

/** The register that this one was found to be equal to on the only way here, unchanged since, and the comparison. */
function equalTo(walk: Walk, number: number, i: number): { number: number; compare: number } | undefined {
  const { blocks, blockOf, operations } = walk.body;
  const { op, size, low, alu, left, source } = operations;
  let block = blockOf[i];
  let before = i - 1;
  for (let hops = 0; hops < MAX_BLOCKS; hops++) {
    const begin = blocks.begin[block];
    if (begin === 0) return undefined; // callers come there, too
    if (before - begin > MAX_OPERATIONS || lastDefinition(walk, register(number), before, begin) >= begin)
      return undefined;
    const from = blocks.predecessors.only(block);
    if (from === undefined) return undefined;
    const branch = blocks.end[from] - 1;
    const compare = branch - 1;
    const isOfTwo =
      compare >= blocks.begin[from] &&
      op[branch] === Op.branch &&
      op[compare] === Op.compare &&
      size[compare] === walk.processor.pointerSize &&
      source[compare] < VECTOR0 &&
      left[compare] < VECTOR0;
    if (isOfTwo && (left[compare] === number || source[compare] === number)) {
      const isTaken = walk.body.operationAt(low[branch]) === begin;
      if ((isTaken ? alu[branch] : alu[branch] ^ 1) === Condition.equal)
        return { number: left[compare] === number ? source[compare] : left[compare], compare };
    }
    block = from;
    before = branch;
  }
  return undefined;
}
