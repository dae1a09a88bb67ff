/**
 * Functions that only stop the system: what a pure virtual function's place in a table leads to (`_purecall`, which the kernel
 * exports, or the driver's own). Nobody calls them on purpose.
 */
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { undecorated } from '../pool/pool-functions.ts';
import { Op } from '../processors/operations.ts';
import { calledSlot } from '../values/memory-functions.ts';
import { OtherFunction } from '../values/other-function.ts';

const STOPPING: ReadonlySet<string> = new Set(['KeBugCheck', 'KeBugCheckEx', '_purecall']);
/** Operations up to the call that stops: its five arguments at most, and what a frame takes. */
const MAX_OPERATIONS = 32;
/** Jumps from one function to another on the way: those of incremental links. */
const MAX_JUMPS = 2;

/** Reads one function at a time; answers are kept. */
export class StoppingFunctions extends OtherFunction {
  readonly #slots: ReadonlySet<number>;
  readonly #known = new Map<number, boolean>();

  constructor(code: CodeUnderAnalysis) {
    super(code);
    this.#slots = new Set(
      code.image.imports.flatMap(({ name, slotRva }) =>
        name !== null && STOPPING.has(undecorated(name)) ? [slotRva] : [],
      ),
    );
  }

  /** Whether all that the function does is to stop the system. */
  isOne(functionRva: number): boolean {
    if (this.#slots.size === 0) return false;
    let isOne = this.#known.get(functionRva);
    if (isOne === undefined) {
      isOne = this.#stops(functionRva, 0);
      this.#known.set(functionRva, isOne);
    }
    return isOne;
  }

  #stops(functionRva: number, jumps: number): boolean {
    const slot = this.code.functions.thunkSlot(functionRva);
    if (slot !== undefined) return this.#slots.has(slot);
    if (!this.decode(functionRva)) return false;
    const { op, low, count } = this.body.operations;
    for (let i = 0; i < count && i < MAX_OPERATIONS; i++) {
      if (op[i] === Op.call || op[i] === Op.callIndirect) return this.#isStop(i);
      if (op[i] === Op.jump) return jumps < MAX_JUMPS && this.#stops(low[i], jumps + 1);
      if (op[i] === Op.branch || op[i] === Op.return || op[i] === Op.stop) return false;
    }
    return false;
  }

  #isStop(i: number): boolean {
    const { op, low } = this.body.operations;
    const slot = op[i] === Op.call ? this.code.functions.thunkSlot(low[i]) : calledSlot(this.body, i);
    return slot !== undefined && this.#slots.has(slot);
  }
}
