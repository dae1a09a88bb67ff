/** The basic blocks of a function, and which of them leads to which. */
import type { ExceptionScope } from './exception-scopes.ts';
import { Op, type OperationList } from './operations.ts';

/** A run of operations that is entered at its start and left at its end. */
export interface Block {
  /** First operation. */
  begin: number;
  /** Behind the last operation. */
  end: number;
  predecessors: number[];
  successors: number[];
}

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

/** Cuts the operations at `leaders` (RVAs); `blockOf`, with room for all operations, is given their block numbers. */
export function basicBlocks(code: DecodedCode, leaders: readonly number[], blockOf: Int32Array): Block[] {
  const { operations, tableTargets } = code;
  const { op, low, nextRva, count } = operations;
  blockOf.fill(-1, 0, count);
  for (const rva of leaders) {
    const operation = code.operationAt(rva);
    if (operation >= 0) blockOf[operation] = 0;
  }
  const blocks: Block[] = [];
  for (let i = 0; i < count; i++) {
    if (blockOf[i] === 0) {
      if (blocks.length > 0) blocks[blocks.length - 1].end = i;
      blocks.push({ begin: i, end: count, predecessors: NO_BLOCKS, successors: NO_BLOCKS });
    }
    blockOf[i] = blocks.length - 1;
  }
  const connect = (from: number, to: number) => {
    blocks[from].successors = withOne(blocks[from].successors, to);
    blocks[to].predecessors = withOne(blocks[to].predecessors, from);
  };
  const edge = (from: number, rva: number) => {
    const operation = code.operationAt(rva);
    if (operation >= 0) connect(from, blockOf[operation]);
  };
  for (let number = 0; number < blocks.length; number++) {
    const last = blocks[number].end - 1;
    if (op[last] === Op.branch || op[last] === Op.jump) edge(number, low[last]);
    if (!endsRun(op[last])) edge(number, nextRva[last]);
  }
  for (const scope of code.scopes) connectHandler(blocks, operations.rva, scope, edge);
  if (!code.hasIndirectJump) return blocks;
  for (const [jump, targets] of tableTargets)
    for (const target of new Set(targets)) edge(blockOf[jump], target);
  connectOrphans(blocks, op, connect);
  return blocks;
}

const NO_BLOCKS: number[] = [];

/** The list with one more: one or two are what most blocks have, and a list that grows takes room for seventeen. */
function withOne(list: number[], block: number): number[] {
  if (list.length === 0) return [block];
  if (list.length === 1) return [list[0], block];
  list.push(block);
  return list;
}

function endsRun(op: number): boolean {
  return op === Op.jump || op === Op.jumpIndirect || op === Op.return || op === Op.stop;
}

/** An exception may leave any guarded block; what a block had at its end stands for it. */
function connectHandler(
  blocks: readonly Block[],
  rva: Int32Array,
  { beginRva, endRva, handlerRva }: ExceptionScope,
  edge: (from: number, rva: number) => void,
): void {
  let edges = 0;
  for (let number = 0; number < blocks.length && edges < MAX_HANDLER_EDGES; number++) {
    const { begin, end } = blocks[number];
    if (rva[end - 1] < beginRva || rva[begin] >= endRva) continue;
    edge(number, handlerRva);
    edges++;
  }
}

/** Blocks that nothing leads to belong to the jump tables that could not be read. */
function connectOrphans(
  blocks: readonly Block[],
  op: Uint8Array,
  connect: (from: number, to: number) => void,
): void {
  const jumps = blocks.flatMap(({ end }, number) => (op[end - 1] === Op.jumpIndirect ? [number] : []));
  const orphans = blocks.flatMap(({ predecessors }, number) =>
    number > 0 && predecessors.length === 0 ? [number] : [],
  );
  if (jumps.length * orphans.length > MAX_JUMP_TABLE_EDGES) return;
  for (const to of orphans) for (const from of jumps) connect(from, to);
}
