/**
 * Allocators that no public document lists. Windows' own drivers import many from each other. One is recognised by what
 * it is called and by what it is given: an imported function whose name says that it allocates, and of which one argument,
 * and only one, is always something that reads like a tag. That is an inference, and its evidence says so.
 */

import type { DriverImage } from '../../pe/image-facts.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { Callee } from '../facts/callee.ts';
import { directCallee } from '../facts/sinks.ts';
import { functionsAt } from '../facts/worklist.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { POOL_FUNCTIONS, type PoolFunction, undecorated } from '../pool/pool-functions.ts';
import { Op } from '../processors/operations.ts';
import { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';

const SAYS_ALLOCATES = /alloc|pool|lookaside/i;
/** Documented (DDI), and without a tag: they are called everywhere, and looking at them would only cost time. */
const WITHOUT_TAG: ReadonlySet<string> = new Set(
  `ExAllocatePool ExAllocatePoolWithQuota ExFreePool ExQueryPoolBlockSize ExDeleteNPagedLookasideList
  ExDeletePagedLookasideList ExDeleteLookasideListEx ExFlushLookasideListEx IoAllocateMdl IoAllocateIrp IoAllocateIrpEx
  IoAllocateWorkItem IoAllocateController IoAllocateAdapterChannel IoAllocateDriverObjectExtension IoAllocateErrorLogEntry
  MmBuildMdlForNonPagedPool MmAllocateContiguousMemory MmAllocateContiguousMemorySpecifyCache
  MmAllocateContiguousMemorySpecifyCacheNode MmAllocateContiguousNodeMemory MmAllocatePagesForMdl
  MmAllocatePagesForMdlEx MmAllocateNonCachedMemory MmAllocateNodePagesForMdlEx ZwAllocateVirtualMemory
  ZwAllocateLocallyUniqueId RtlAllocateHeap RtlAllocateAndInitializeSid NdisAllocateMdl NdisAllocateNetBuffer
  NdisAllocateNetBufferList NdisAllocateNetBufferAndNetBufferList NdisAllocateCloneNetBufferList NdisAllocateIoWorkItem
  NdisAllocateReassembledNetBufferList NdisAllocateRWLock NdisFreeNetBufferListPool NdisFreeNetBufferPool
  NdisAllocateSpinLock NdisAllocateFragmentNetBufferList NdisMAllocateSharedMemory FltAllocateContext
  FltAllocateCallbackData FltAllocateGenericWorkItem FltAllocateDeferredIoWorkItem FltAllocateFileLock
  FsRtlAllocateFileLock FsRtlAllocateResource FwpsAllocateNetBufferAndNetBufferList0 FwpsAllocateCloneNetBufferList0
  HalAllocateCommonBuffer`.split(/\s+/),
);
/** A name that says as much needs no second call as a witness. */
const SAYS_TAG = /tag/i;
/** Arguments looked at: no documented function takes its tag later than as the eighth. */
const MAX_ARGUMENT = 8;
/** Such imports number a dozen in one driver. */
const MAX_CANDIDATES = 64;
/** Enough witnesses of one function; each is a function decoded. */
const MAX_CALLERS = 40;
const MAX_SITES = 400;
/** The share of all work that may go into this. */
const WORK_SHARE = 8;

/** What the calls of one function give as one argument. */
interface Argument {
  tags: number;
  others: number;
}

/** An imported function that may be one. */
interface Candidate {
  name: string;
  dll: string;
  slotRva: number;
}

/** The imports whose names say that they allocate, and of which nothing is documented. */
export function unlistedImports({ imports }: DriverImage): Candidate[] {
  return imports
    .flatMap(({ name, dll, slotRva }) => {
      const plain = name === null ? '' : undecorated(name);
      const isUnlisted = SAYS_ALLOCATES.test(plain) && !POOL_FUNCTIONS.has(plain) && !WITHOUT_TAG.has(plain);
      return isUnlisted ? [{ name: plain, dll, slotRva }] : [];
    })
    .slice(0, MAX_CANDIDATES);
}

/** Those of the candidates that prove to be given tags: import slots, with what a call of them uses. */
export function unlistedAllocators(
  code: CodeUnderAnalysis,
  candidates: readonly Candidate[],
): Map<number, Callee> {
  const found = new Map<number, Callee>();
  if (candidates.length === 0) return found;
  const fn = new AnalysedFunction(code);
  let operationsLeft = code.maxOperations / WORK_SHARE;
  for (const { name, dll, slotRva } of candidates) {
    const counts: Argument[] = Array.from({ length: MAX_ARGUMENT }, () => ({ tags: 0, others: 0 }));
    const way = wayTo(slotRva, code);
    for (const functionRva of callersOf(way, code)) {
      if (operationsLeft <= 0) return found;
      operationsLeft -= fn.decode(functionRva);
      for (const call of callsOf(way, fn)) countArguments(call, counts, fn, code);
      operationsLeft -= fn.takeWork();
      if (counts.every(({ others }) => others > 0)) break; // nothing is left that may be the tag
    }
    const tagArgument = tagArgumentOf(counts, SAYS_TAG.test(name) ? 1 : 2);
    if (tagArgument === undefined) continue;
    const poolFunction: PoolFunction = { name, kind: 'allocation-call', tagArgument, isUnlisted: true };
    found.set(slotRva, directCallee(poolFunction, dll, code.processor));
  }
  return found;
}

/** How a function is reached: its import slot, and the thunks that jump through it. */
interface Way {
  slotRva: number;
  thunks: ReadonlySet<number>;
}

/** The longest instruction before a slot's address in a thunk: `adrp` on ARM64. */
const THUNK_BYTES = 4;

/** What calls lead to and where the slot is named within the next bytes is a thunk. */
function wayTo(slotRva: number, { index }: CodeUnderAnalysis): Way {
  const thunks = new Set<number>();
  for (const at of index.referencesTo(slotRva)) {
    for (let rva = at - THUNK_BYTES; rva <= at; rva++) if (index.callersOf(rva).length > 0) thunks.add(rva);
  }
  return { slotRva, thunks };
}

/** Functions that call it. */
function callersOf({ slotRva, thunks }: Way, { index, functions }: CodeUnderAnalysis): Iterable<number> {
  const sites = [index.referencesTo(slotRva), ...[...thunks].map(thunk => index.callersOf(thunk))].flat();
  return [...functionsAt(functions, sites.slice(0, MAX_SITES))].slice(0, MAX_CALLERS);
}

/** The operations of the function at hand that call it. */
function callsOf({ slotRva, thunks }: Way, fn: AnalysedFunction): number[] {
  const { op, low, count } = fn.body.operations;
  const calls: number[] = [];
  for (let i = 0; i < count; i++) {
    const isCall =
      op[i] === Op.call || op[i] === Op.jump
        ? thunks.has(low[i])
        : fn.isIndirect(i) && fn.calledPointers(i).some(value => isSlot(value, slotRva));
    if (isCall) calls.push(i);
  }
  return calls;
}

function isSlot(value: Value, slotRva: number): boolean {
  return value.kind === 'memory' && value.rva === slotRva && value.plus === 0;
}

function countArguments(
  call: number,
  counts: readonly Argument[],
  fn: AnalysedFunction,
  { processor }: CodeUnderAnalysis,
): void {
  counts.forEach((argument, at) => {
    if (argument.others > 0) return;
    const constants = fn
      .passedAt(processor.argument(at + 1), call)
      .flatMap(value => (value.kind === 'constant' ? [value.value] : []));
    if (constants.length === 0) return;
    if (constants.every(looksLikeTag)) argument.tags++;
    else argument.others++;
  });
}

/** The only argument that is given what reads like tags, often enough, and never another number. */
function tagArgumentOf(counts: readonly Argument[], witnesses: number): number | undefined {
  const fitting = counts.flatMap(({ tags, others }, at) =>
    tags >= witnesses && others === 0 ? [at + 1] : [],
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}
