/**
 * Functions that others have put into a structure in the frame of the function at hand, which gave them its address:
 * `port->QueryInterface(port, &bus); bus.Read(...)`. Nothing in the function itself says what stands there.
 */

import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import type { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';

/** Functions left in one frame: a few structures of a dozen. Every call by a pointer looks through them. */
const MAX_LEFT = 256;
/** Operations between the load of a pointer and its call. */
const MAX_OPERATIONS = 16;

/** What is known of the function at hand. */
export class LeftOperations {
  readonly #fn: AnalysedFunction;
  readonly #guardedTarget: number;
  #left: { slot: number; rva: number }[] = [];

  /** Behind a Control Flow Guard check the pointer is in `guardedTarget`. */
  constructor(fn: AnalysedFunction, guardedTarget: number) {
    this.#fn = fn;
    this.#guardedTarget = guardedTarget;
  }

  /** Another function is at hand now. */
  begin(): void {
    if (this.#left.length > 0) this.#left = [];
  }

  get all(): readonly { slot: number; rva: number }[] {
    return this.#left;
  }

  add(slot: number, rva: number): void {
    const isKnown = this.#left.some(left => left.slot === slot && left.rva === rva);
    if (!isKnown && this.#left.length < MAX_LEFT) this.#left.push({ slot, rva });
  }

  /** Those that call `i` may lead to by a pointer which the function at hand has not written itself, or has only cleared. */
  calledBy(pointer: Value, i: number): number[] {
    if (this.#left.length === 0) return [];
    const isCleared = pointer.kind === 'constant' && pointer.value === 0;
    if (pointer.kind !== 'blank' && !isCleared) return [];
    const at = pointer.kind === 'blank' ? pointer.offset : this.#slotRead(i);
    return this.#left.flatMap(({ slot, rva }) => (slot === at ? [rva] : []));
  }

  /** Where in the frame call `i` has its pointer from: it, or what loads the register shortly before. */
  #slotRead(i: number): number {
    const { operations, slot, blocks, blockOf } = this.#fn.body;
    const { op, dst, source } = operations;
    if (slot[i] !== NO_SLOT) return slot[i];
    const register = source[i] === NONE ? this.#guardedTarget : source[i];
    const first = Math.max(blocks.begin[blockOf[i]], i - MAX_OPERATIONS);
    for (let before = i - 1; before >= first; before--)
      if (dst[before] === register) return op[before] === Op.load ? slot[before] : NO_SLOT;
    return NO_SLOT;
  }
}
