/**
 * Where an indirect jump of a switch leads: the entries of its table. Compilers write tables of four kinds: pointers
 * (x86), distances from the table (clang, gcc), RVAs (Microsoft's x64), and distances in instructions (ARM64).
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { Alu, BASE_IMAGE, Condition, Flag, NONE, Op, type OperationList } from '../processors/operations.ts';
import type { Processor } from '../processors/processor.ts';

/** The table is addressed and read within so many operations before the jump. */
const MAX_OPERATIONS = 24;
/** A pointer out of a table is made within so many before it is used. */
const MAX_TO_POINTER = 8;
/** Entries of one table; longer ones are read in part. */
const MAX_ENTRIES = 512;
const GENERAL_REGISTERS = 64;
/** How a switch asks whether its number is too large for the table. */
const BOUNDING: ReadonlySet<number> = new Set([
  Condition.above,
  Condition.aboveOrEqual,
  Condition.below,
  Condition.belowOrEqual,
]);

/** RVAs that the jump at operation `jump` may lead to: entries in a row for which `isCode` holds. */
export function jumpTableTargets(
  image: DriverImage,
  processor: Processor,
  operations: OperationList,
  jump: number,
  isCode: (rva: number) => boolean,
): number[] {
  const tableRva = pointerTable(operations, jump);
  if (tableRva !== undefined)
    return entries(isCode, n => image.pointerAt(tableRva + n * processor.pointerSize));
  const narrow = processor.arch === 'arm64' ? Op.kill : Op.load;
  const { constants, reads } = beforeJump(operations, jump, narrow);
  return reads.flatMap(({ tableRva, size, count }) => {
    const entryAt = (n: number) => entry(image, tableRva + n * size, size);
    const bases = processor.arch === 'arm64' ? constants : [tableRva, 0];
    // ARM64 counts in instructions, or in bytes where an entry has room for them.
    const units = processor.arch !== 'arm64' ? [1] : size === 4 ? [4, 1] : [4];
    const found = bases.flatMap(from =>
      units.map(unit =>
        entries(isCode, n => {
          const distance = n < count ? entryAt(n) : undefined;
          return distance === undefined ? undefined : from + distance * unit;
        }),
      ),
    );
    return found.reduce((best, targets) => (targets.length > best.length ? targets : best), []);
  });
}

/**
 * The table of pointers that the jump reads its target in: by its operand, or as gcc does without optimisation, which adds the
 * table's address to the multiplied number and loads from there.
 */
function pointerTable(operations: OperationList, jump: number): number | undefined {
  const { op, alu, source, base, index, displacement, low, flags } = operations;
  if (base[jump] === BASE_IMAGE && index[jump] !== NONE) return displacement[jump];
  const load = lastChange(operations, source[jump], jump);
  const isPlain =
    load !== undefined && op[load] === Op.load && index[load] === NONE && displacement[load] === 0;
  const sum = isPlain ? lastChange(operations, base[load], load) : undefined;
  if (sum === undefined || op[sum] !== Op.binary || alu[sum] !== Alu.add) return undefined;
  return flags[sum] === Flag.immediateIsAddress ? low[sum] : undefined;
}

/** The operation that gave the register its value, shortly before another one. */
function lastChange({ dst }: OperationList, register: number, before: number): number | undefined {
  if (register === NONE) return undefined;
  for (let i = before - 1; i >= 0 && i >= before - MAX_TO_POINTER; i--) if (dst[i] === register) return i;
  return undefined;
}

interface TableRead {
  tableRva: number;
  /** Bytes of an entry. */
  size: number;
  /** Entries that a comparison leaves, where they are so short that what stands behind them may read like more. */
  count: number;
}

/**
 * Constant addresses in registers before the jump, and the reads that have one of them as their base; `narrow` is what entries of one
 * or two bytes are read by: on x86 those are numbers of other entries.
 */
function beforeJump(
  operations: OperationList,
  jump: number,
  narrow: number,
): { constants: number[]; reads: TableRead[] } {
  const { op, dst, left, source, alu, low, flags, base, index, displacement, size } = operations;
  const known = new Map<number, number>();
  const constants = new Set<number>();
  const reads: TableRead[] = [];
  const makeTarget = makersOf(operations, jump);
  let compared = NONE;
  let most = 0;
  for (let i = Math.max(0, jump - MAX_OPERATIONS); i < jump; i++) {
    if (base[i] < GENERAL_REGISTERS && index[i] !== NONE && makeTarget.has(i)) {
      const from = known.get(base[i]) ?? known.get(index[i]);
      if (from !== undefined && (op[i] === Op.load || op[i] === narrow)) {
        const bytes = Math.max(1, Math.min(size[i], 4));
        const isBound = bytes < 4 && (compared === index[i] || compared === base[i]);
        const count = isBound ? most + 1 : MAX_ENTRIES;
        reads.push({ tableRva: (from + displacement[i]) | 0, size: bytes, count });
      }
    }
    const isCompared = i > 0 && op[i - 1] === Op.compare && source[i - 1] === NONE && low[i - 1] >= 0;
    if (isCompared && op[i] === Op.branch && BOUNDING.has(alu[i])) {
      compared = left[i - 1];
      most = low[i - 1];
    } else if (dst[i] === compared) compared = NONE;
    let value: number | undefined;
    if (op[i] === Op.move && flags[i] === Flag.immediateIsAddress) value = low[i];
    else if (op[i] === Op.address && base[i] === BASE_IMAGE && index[i] === NONE) value = displacement[i];
    else if (op[i] === Op.binary && alu[i] === Alu.add && source[i] === NONE) {
      const from = known.get(left[i]);
      value = from === undefined ? undefined : (from + low[i]) | 0;
    } else if (op[i] === Op.move && source[i] !== NONE) value = known.get(source[i]);
    if (value === undefined) known.delete(dst[i]);
    else {
      known.set(dst[i], value);
      constants.add(value);
    }
  }
  return { constants: [...constants], reads };
}

/**
 * The operations before the jump that its target is made by, one after the other as they stand: a tail call by a pointer that was loaded
 * right behind a switch is none by its table.
 */
function makersOf({ op, dst, left, source, base, index }: OperationList, jump: number): Set<number> {
  const makers = new Set<number>();
  const wanted = new Set([source[jump], base[jump], index[jump]].filter(used => used < GENERAL_REGISTERS));
  for (let i = jump - 1; i >= 0 && i >= jump - MAX_OPERATIONS && wanted.size > 0; i--) {
    if (!wanted.has(dst[i])) continue;
    makers.add(i);
    // A part of it is what it was before.
    if (op[i] !== Op.insert) wanted.delete(dst[i]);
    for (const used of [left[i], source[i], base[i], index[i]])
      if (used < GENERAL_REGISTERS) wanted.add(used);
  }
  return makers;
}

function entry(image: DriverImage, rva: number, size: number): number | undefined {
  const value = image.u32At(rva);
  if (value === undefined) return undefined;
  return size === 4 ? value | 0 : value & (size === 2 ? 0xffff : 0xff);
}

function entries(isCode: (rva: number) => boolean, targetAt: (n: number) => number | undefined): number[] {
  const targets: number[] = [];
  for (let n = 0; n < MAX_ENTRIES; n++) {
    const target = targetAt(n);
    if (target === undefined || !isCode(target)) break;
    targets.push(target);
  }
  return targets;
}
