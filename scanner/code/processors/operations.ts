/**
 * The few operations that every processor's decoder translates into, so that everything behind it is written once.
 * A function is a list of them in parallel arrays: this is the hottest data of the scanner.
 */

/** What an instruction does to registers, memory and control flow, as far as constants and calls are concerned. */
export const Op = {
  /** Changes nothing that is tracked (compares, fences, stores of no interest). */
  nothing: 0,
  /** dst = source. `size` bytes; narrower than 4 keeps the rest of dst on x86. */
  move: 1,
  /** dst = memory. */
  load: 2,
  /** memory = source. */
  store: 3,
  /** dst = address of memory. */
  address: 4,
  /** dst = left OP source; the operation is in `alu`. */
  binary: 5,
  /** dst = source where the condition in `alu` holds, else left (conditional move or select). */
  select: 6,
  /** dst = 0 or 1. */
  flag: 7,
  push: 8,
  pop: 9,
  call: 10,
  callIndirect: 11,
  jump: 12,
  branch: 13,
  jumpIndirect: 14,
  /** Return; `low` is the bytes of arguments that it pops. */
  return: 15,
  /** dst becomes unknown. */
  kill: 16,
  /** Every register whose bit is set in `low` becomes unknown. */
  killMany: 17,
  /** Control does not go on: int3, ud2, or bytes that are no instruction. */
  stop: 18,
  /** dst = source zero-extended from `size` bytes. */
  zeroExtend: 19,
  /** dst = source sign-extended from `size` bytes. */
  signExtend: 20,
  /** dst lane at byte `high` (of `size` bytes) = source; other lanes stay (punpck, pinsr, movk). */
  insert: 21,
  /** dst = 0 - source. */
  negate: 22,
  /** dst = ~source. */
  invert: 23,
  /** Compares left with source: what the next branch decides by. */
  compare: 24,
  /** dst = source with its bytes the other way round. */
  byteSwap: 25,
  /** Memory at `base` = memory at the pointer in `source`, in units of `size`; `low` is 1 where ecx counts them. */
  blockCopy: 26,
  /** Memory at `base` = the register `source`, in units of `size`; `low` is 1 where ecx counts them. */
  blockFill: 27,
  /** Each lane of four bytes of dst = the lane of source that two bits of `low` name, from the lowest. */
  shuffle: 28,
} as const;

/** The arithmetic of an `Op.binary`. */
export const Alu = {
  add: 0,
  or: 1,
  addWithCarry: 2,
  subtractWithBorrow: 3,
  and: 4,
  subtract: 5,
  xor: 6,
  shiftLeft: 8,
  shiftRight: 9,
  shiftRightSigned: 10,
  multiply: 11,
} as const;

/**
 * When an `Op.branch` is taken, in `alu`: the numbers of x86's condition codes. The lowest bit turns a condition into its
 * opposite.
 */
export const Condition = {
  below: 2,
  aboveOrEqual: 3,
  equal: 4,
  notEqual: 5,
  belowOrEqual: 6,
  above: 7,
  negative: 8,
  notNegative: 9,
  less: 12,
  greaterOrEqual: 13,
  lessOrEqual: 14,
  greater: 15,
  /** Decided by something that is not followed. */
  other: 0,
} as const;

/** No register. */
export const NONE = 255;
/** Memory base: the address is the displacement itself, an RVA of the image. */
export const BASE_IMAGE = 254;
/** Memory base: somewhere that is not followed (segment-relative, absolute without a relocation). */
export const BASE_ELSEWHERE = 253;
/** The first vector register; general registers are 0 to 31. */
export const VECTOR0 = 64;

/** A bit of `scale`: the factor is one more. */
export const SUM_SCALE = 4;

/** What the index is multiplied by. */
export function indexFactor(scale: number): number {
  return (1 << (scale & 3)) + (scale & SUM_SCALE ? 1 : 0);
}

/** A register that no processor has: between the load and the arithmetic of an instruction that does both. */
export const SCRATCH = 40;
/** The same for the sum of an operand's two indexes. */
export const SCRATCH_SUM = 41;

/** Register numbers of x86 and x64. */
export const X86 = { ax: 0, cx: 1, dx: 2, bx: 3, sp: 4, bp: 5, si: 6, di: 7, r8: 8, r9: 9 } as const;

/** Bits of `flags`. */
export const Flag = {
  /** `low` is an address of the image (an RVA), not a number. */
  immediateIsAddress: 1,
} as const;

const FIRST_CAPACITY = 1024;

/** Operations of one function in parallel arrays; grows by doubling. */
export class OperationList {
  count = 0;
  #capacity = 0;
  op = new Uint8Array(0);
  dst = new Uint8Array(0);
  /** First source of `binary` and `select`. */
  left = new Uint8Array(0);
  /** The source register, or NONE where the source is the immediate (`low`, `high`). */
  source = new Uint8Array(0);
  alu = new Uint8Array(0);
  /** Bytes moved. */
  size = new Uint8Array(0);
  flags = new Uint8Array(0);
  /** Memory operand: base register, NONE, BASE_IMAGE or BASE_ELSEWHERE. */
  base = new Uint8Array(0);
  index = new Uint8Array(0);
  /** log2 of the index's factor; with SUM_SCALE the index is added once more: see indexFactor. */
  scale = new Uint8Array(0);
  displacement = new Int32Array(0);
  /** Immediate, low 32 bits; for direct calls and jumps the target's RVA. */
  low = new Int32Array(0);
  /** Immediate, high 32 bits. */
  high = new Int32Array(0);
  /** RVA of the instruction. */
  rva = new Int32Array(0);
  /** RVA of the next instruction. */
  nextRva = new Int32Array(0);

  constructor() {
    // Fields that are set a second time here are not taken for constants by V8, so that the first function which needs
    // more room does not make it throw away all that it has compiled.
    this.#resize(FIRST_CAPACITY);
  }

  clear(): void {
    this.#empty(0, this.count);
    this.count = 0;
  }

  /** Appends an operation with everything else empty and returns its number. */
  add(op: number, rva: number): number {
    if (this.count === this.#capacity) this.#resize(2 * this.#capacity);
    const i = this.count++;
    this.op[i] = op;
    this.rva[i] = rva;
    this.nextRva[i] = rva;
    return i;
  }

  /** A whole stretch at once: `add` stands in so many places that each store in it costs. */
  #empty(begin: number, end: number): void {
    this.dst.fill(NONE, begin, end);
    this.left.fill(NONE, begin, end);
    this.source.fill(NONE, begin, end);
    this.alu.fill(0, begin, end);
    this.size.fill(0, begin, end);
    this.flags.fill(0, begin, end);
    this.base.fill(NONE, begin, end);
    this.index.fill(NONE, begin, end);
    this.scale.fill(0, begin, end);
    this.displacement.fill(0, begin, end);
    this.low.fill(0, begin, end);
    this.high.fill(0, begin, end);
  }

  #resize(capacity: number): void {
    this.#capacity = capacity;
    this.op = grown(this.op, this.#capacity);
    this.dst = grown(this.dst, this.#capacity);
    this.left = grown(this.left, this.#capacity);
    this.source = grown(this.source, this.#capacity);
    this.alu = grown(this.alu, this.#capacity);
    this.size = grown(this.size, this.#capacity);
    this.flags = grown(this.flags, this.#capacity);
    this.base = grown(this.base, this.#capacity);
    this.index = grown(this.index, this.#capacity);
    this.scale = grown(this.scale, this.#capacity);
    this.displacement = grown(this.displacement, this.#capacity);
    this.low = grown(this.low, this.#capacity);
    this.high = grown(this.high, this.#capacity);
    this.rva = grown(this.rva, this.#capacity);
    this.nextRva = grown(this.nextRva, this.#capacity);
    this.#empty(this.count, this.#capacity);
  }
}

function grown<T extends Uint8Array | Int32Array>(array: T, capacity: number): T {
  const bigger = new (array.constructor as new (length: number) => T)(capacity);
  bigger.set(array);
  return bigger;
}
