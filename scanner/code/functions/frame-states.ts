/** Where the stack pointer and its copies point at the start of each block of a function, and where the walk is. */

/** Registers whose copies of the stack pointer are followed: all general ones. */
export const REGISTERS = 32;

/** Nothing that points into the frame. */
export const NO_SLOT = -0x80000000;

/**
 * What is kept of a block: 1 where a path to it was followed, then which registers hold something at its start, a bit for
 * each, and what each of them holds. Few hold anything, so that bits cost less than looking at all.
 */
const HELD = 1;
const FIRST_REGISTER = 2;
const WORDS = FIRST_REGISTER + REGISTERS;

/** The states of one function at a time; made once, since arrays of this size are dear to make. */
export class FrameStates {
  /** By register, at the place that is followed; NO_SLOT where a register holds nothing. */
  readonly here = new Int32Array(REGISTERS).fill(NO_SLOT);
  #atStart = new Int32Array(0);

  /** Begins a function: no block is reached but the one with its entry, where the stack pointer alone is known. */
  beginFunction(blocks: number, entry: number, stack: number): void {
    if (this.#atStart.length < blocks * WORDS) this.#atStart = new Int32Array(blocks * WORDS * 2);
    const atStart = this.#atStart;
    for (let block = 0; block < blocks; block++) atStart[block * WORDS] = 0;
    const at = entry * WORDS;
    atStart[at] = 1;
    atStart[at + HELD] = 1 << stack;
    atStart[at + FIRST_REGISTER + stack] = 0;
    this.here.fill(NO_SLOT);
  }

  /** Takes up what a block begins with, in place of the registers of `heldBefore`; returns which registers hold something. */
  beginBlock(block: number, heldBefore: number): number {
    const atStart = this.#atStart;
    const at = block * WORDS;
    for (let rest = heldBefore; rest !== 0; rest &= rest - 1) this.here[lowest(rest)] = NO_SLOT;
    const held = atStart[at + HELD];
    for (let rest = held; rest !== 0; rest &= rest - 1) {
      const register = lowest(rest);
      this.here[register] = atStart[at + FIRST_REGISTER + register];
    }
    return held;
  }

  /**
   * A path leads on to a block with what is here. The block keeps only what all paths agree on; the stack pointer keeps its
   * first value. True where the block has to be followed, again or at all.
   */
  leadsTo(block: number, held: number, stack: number): boolean {
    const atStart = this.#atStart;
    const at = block * WORDS;
    if (atStart[at] === 0) {
      atStart[at] = 1;
      atStart[at + HELD] = held;
      for (let rest = held; rest !== 0; rest &= rest - 1) {
        const register = lowest(rest);
        atStart[at + FIRST_REGISTER + register] = this.here[register];
      }
      return true;
    }
    const known = atStart[at + HELD];
    let agreed = known;
    for (let rest = known & ~(1 << stack); rest !== 0; rest &= rest - 1) {
      const register = lowest(rest);
      if (atStart[at + FIRST_REGISTER + register] !== this.here[register]) agreed &= ~(1 << register);
    }
    atStart[at + HELD] = agreed;
    return agreed !== known;
  }

  /** Which registers hold something here, a bit for each. */
  heldHere(): number {
    let bits = 0;
    for (let register = 0; register < REGISTERS; register++)
      if (this.here[register] !== NO_SLOT) bits |= 1 << register;
    return bits;
  }
}

/** The number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
