/** The basic blocks of a function, and which of them leads to which. */

import type { ExceptionScope } from '../bytes/exception-scopes.ts';
import { Op, type OperationList } from '../processors/operations.ts';
import { type BlockGraph, NO_EDGE } from './block-graph.ts';

/** Edges from jump tables to their possible targets; beyond it the targets stay without a past. */
const MAX_JUMP_TABLE_EDGES = 20_000;

/** Guarded blocks of one handler that are looked at. */
const MAX_HANDLER_EDGES = 64;

/** What is known of a function's operations before its blocks are. */
export interface DecodedCode {
  readonly operations: OperationList;
  /** Whether there is a jump whose targets a table or a computation gives. */
  readonly hasIndirectJump: boolean;
  /** The targets of indirect jumps that read a table, by the jump's operation; RVAs. */
  readonly tableTargets: ReadonlyMap<number, readonly number[]>;
  /** Where control goes on after an exception. */
  readonly scopes: readonly ExceptionScope[];
  /** The first operation of the instruction at an RVA, or -1. */
  operationAt(rva: number): number;
}

/**
 * Cuts the operations at `leaders` (RVAs) into `blocks`, which is emptied before; `blockOf`, with room for all operations, is
 * given their block numbers.
 */
export function basicBlocks(
  code: DecodedCode,
  leaders: readonly number[],
  blocks: BlockGraph,
  blockOf: Int32Array,
): void {
  const { count } = code.operations;
  blocks.clear();
  blockOf.fill(-1, 0, count);
  for (const rva of leaders) {
    const operation = code.operationAt(rva);
    if (operation >= 0) blockOf[operation] = 0;
  }
  for (let i = 0; i < count; i++) {
    if (blockOf[i] === 0) {
      if (blocks.count > 0) blocks.end[blocks.count - 1] = i;
      blocks.add(i, count);
    }
    blockOf[i] = blocks.count - 1;
  }
  connectRuns(code, blocks, blockOf);
  for (const scope of code.scopes) connectHandler(code, blocks, blockOf, scope);
  if (!code.hasIndirectJump) return;
  for (const [jump, targets] of code.tableTargets)
    for (const target of new Set(targets)) connectTo(code, blocks, blockOf, blockOf[jump], target);
  connectOrphans(code, blocks, blockOf);
}

/** A jump leads to its target, and what does not end a run to what comes next. */
function connectRuns(code: DecodedCode, blocks: BlockGraph, blockOf: Int32Array): void {
  const { op, low, nextRva } = code.operations;
  for (let number = 0; number < blocks.count; number++) {
    const last = blocks.end[number] - 1;
    if (op[last] === Op.branch || op[last] === Op.jump) connectTo(code, blocks, blockOf, number, low[last]);
    if (!endsRun(op[last])) connectTo(code, blocks, blockOf, number, nextRva[last]);
  }
}

function connectTo(
  code: DecodedCode,
  blocks: BlockGraph,
  blockOf: Int32Array,
  from: number,
  rva: number,
): void {
  const operation = code.operationAt(rva);
  if (operation >= 0) blocks.connect(from, blockOf[operation]);
}

function endsRun(op: number): boolean {
  return op === Op.jump || op === Op.jumpIndirect || op === Op.return || op === Op.stop;
}

/** An exception may leave any guarded block; what a block had at its end stands for it. */
function connectHandler(
  code: DecodedCode,
  blocks: BlockGraph,
  blockOf: Int32Array,
  { beginRva, endRva, handlerRva }: ExceptionScope,
): void {
  const { rva } = code.operations;
  let edges = 0;
  for (let number = 0; number < blocks.count && edges < MAX_HANDLER_EDGES; number++) {
    if (rva[blocks.end[number] - 1] < beginRva || rva[blocks.begin[number]] >= endRva) continue;
    connectTo(code, blocks, blockOf, number, handlerRva);
    edges++;
  }
}

/** Blocks that nothing leads to belong to the jump tables that could not be read. */
function connectOrphans(code: DecodedCode, blocks: BlockGraph, blockOf: Int32Array): void {
  const jumps = [...code.tableTargets.keys()].map(jump => blockOf[jump]);
  const orphans: number[] = [];
  for (let number = 0; number < blocks.count; number++) {
    if (number > 0 && blocks.predecessors.first[number] === NO_EDGE) orphans.push(number);
  }
  if (jumps.length * orphans.length > MAX_JUMP_TABLE_EDGES) return;
  for (const to of orphans) for (const from of jumps) blocks.connect(from, to);
}
