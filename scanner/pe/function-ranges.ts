/** Reads .pdata, the exception table of x64 and ARM64: where each function begins and ends. */
import type { Arch } from '../../data/facts.ts';
import type { FunctionRange } from './image-facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** 500,000 functions of x64; ntoskrnl.exe has about 30,000. */
const MAX_TABLE_BYTES = 6_000_000;
const X64_ENTRY_SIZE = 12;
const ARM64_ENTRY_SIZE = 8;
/** Compilers chain a handful of pieces; more is a cycle. */
const MAX_CHAIN = 32;
/** UNW_FLAG_CHAININFO: the unwind data ends with the function entry that owns this piece. */
const CHAINED = 4;

/** Functions sorted by `beginRva` and apart from each other whatever the table says; empty on x86, which has none. */
export function readFunctionRanges(
  memory: ImageMemory,
  directory: DataDirectory,
  arch: Arch,
): FunctionRange[] {
  if (arch === 'x86') return [];
  const ranges = arch === 'x64' ? readX64(memory, directory) : readArm64(memory, directory);
  return keepApart(ranges);
}

function readX64(memory: ImageMemory, directory: DataDirectory): FunctionRange[] {
  const table = memory.from(directory.rva, Math.min(directory.size, MAX_TABLE_BYTES));
  const ranges: FunctionRange[] = [];
  for (let row = 0; table.holds(row, X64_ENTRY_SIZE); row += X64_ENTRY_SIZE) {
    const beginRva = table.u32(row);
    const endRva = table.u32(row + 4);
    if (beginRva === 0 || endRva <= beginRva) continue;
    const unwindRva = table.u32(row + 8);
    ranges.push({ beginRva, endRva, functionRva: owner(memory, beginRva, unwindRva), unwindRva });
  }
  return ranges;
}

/** Where the function begins that owns a piece: follows chained unwind data to its root. */
function owner(memory: ImageMemory, beginRva: number, unwindRva: number): number {
  let begin = beginRva;
  let unwind = unwindRva;
  for (let hop = 0; hop < MAX_CHAIN; hop++) {
    let parentRva: number;
    if ((unwind & 1) !== 0) {
      // Bit 0 set: the field is the RVA of another function entry instead.
      parentRva = unwind - 1;
    } else {
      const header = memory.u32At(unwind);
      if (header === undefined || ((header >>> 3) & CHAINED) === 0) return begin;
      const slotCount = (header >>> 16) & 0xff;
      parentRva = unwind + 4 + 2 * (slotCount + (slotCount & 1));
    }
    const parentBegin = memory.u32At(parentRva);
    const parentUnwind = memory.u32At(parentRva + 8);
    if (parentBegin === undefined || parentUnwind === undefined || parentBegin === 0) return begin;
    begin = parentBegin;
    unwind = parentUnwind;
  }
  return beginRva;
}

function readArm64(memory: ImageMemory, directory: DataDirectory): FunctionRange[] {
  const table = memory.from(directory.rva, Math.min(directory.size, MAX_TABLE_BYTES));
  const ranges: FunctionRange[] = [];
  for (let row = 0; table.holds(row, ARM64_ENTRY_SIZE); row += ARM64_ENTRY_SIZE) {
    const beginRva = table.u32(row);
    const unwind = table.u32(row + 4);
    const sizeBytes = arm64FunctionSize(memory, unwind);
    if (beginRva === 0 || sizeBytes === 0) continue;
    const unwindRva = (unwind & 3) === 0 ? unwind : undefined;
    ranges.push({ beginRva, endRva: beginRva + sizeBytes, functionRva: beginRva, unwindRva });
  }
  return ranges;
}

/** Packed entries carry the length in 4-byte units in bits 2 to 12; others point at a record with it in bits 0 to 17. */
function arm64FunctionSize(memory: ImageMemory, unwind: number): number {
  const flag = unwind & 3;
  if (flag === 0) return ((memory.u32At(unwind) ?? 0) & 0x3ffff) * 4;
  return flag === 3 ? 0 : ((unwind >>> 2) & 0x7ff) * 4;
}

function keepApart(ranges: FunctionRange[]): FunctionRange[] {
  if (ranges.every((range, index) => index === 0 || range.beginRva >= ranges[index - 1].endRva))
    return ranges;
  ranges.sort((a, b) => a.beginRva - b.beginRva || a.endRva - b.endRva);
  return ranges
    .filter((range, index) => range.beginRva !== ranges[index + 1]?.beginRva)
    .map((range, index, distinct) => {
      const next = distinct[index + 1]?.beginRva ?? Number.POSITIVE_INFINITY;
      return range.endRva <= next ? range : { ...range, endRva: next };
    });
}
