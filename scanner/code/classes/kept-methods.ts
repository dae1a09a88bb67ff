/**
 * Functions that an object keeps itself, without a table (`arena->allocate = allocate`): who calls one by the object gives it the object.
 */
import type { SearchContext } from '../facts/search-context.ts';
import { namesAddress } from '../functions/named-addresses.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { Flag, NONE, Op } from '../processors/operations.ts';
import { isSame } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';

/** Answers for the function at hand. */
export class KeptMethods {
  readonly #context: SearchContext;
  /** By function that is kept: the stores of the function at hand that keep it. */
  readonly #stores = new Map<number, readonly number[]>();

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Another function is at hand now. */
  begin(): void {
    if (this.#stores.size > 0) this.#stores.clear();
  }

  /**
   * Whether an object that operation `i` fills is given a function: by a store, or by the very call that fills it, which passes the
   * function beside what it puts into the object.
   */
  isGiven(object: Value, functionRva: number, i: number): boolean {
    const { fn } = this.#context;
    const { op } = fn.body.operations;
    const entries = this.#entriesOf(functionRva);
    const isIt = (value: Value) => value.kind === 'address' && entries.includes(value.rva);
    if (op[i] === Op.call && fn.passedEverywhere(i).some(values => values.some(isIt))) return true;
    if (object.kind !== 'result' && object.kind !== 'parameter') return false;
    return this.#storesOf(functionRva).some(store =>
      fn.storePointers(store).some(pointer => isSame(pointer, object)),
    );
  }

  /** The function, and the thunks that jump to it. */
  #entriesOf(functionRva: number): readonly number[] {
    const { index, functions } = this.#context.code;
    const thunks = index.callersOf(functionRva).filter(caller => functions.functionAt(caller) === caller);
    return [functionRva, ...thunks];
  }

  #storesOf(functionRva: number): readonly number[] {
    const known = this.#stores.get(functionRva);
    if (known !== undefined) return known;
    const { code, fn } = this.#context;
    const entries = this.#entriesOf(functionRva);
    const { op, size, source, flags, low, count } = fn.body.operations;
    const found: number[] = [];
    if (namesAddress(fn.body.operations, rva => entries.includes(rva))) {
      for (let i = 0; i < count; i++) {
        const isPointer = op[i] === Op.store && size[i] >= code.processor.pointerSize;
        if (!isPointer || fn.body.slot[i] !== NO_SLOT) continue;
        if (source[i] === NONE) {
          if (flags[i] === Flag.immediateIsAddress && entries.includes(low[i])) found.push(i);
        } else if (this.#keeps(i, entries)) found.push(i);
      }
    }
    this.#stores.set(functionRva, found);
    return found;
  }

  /** Whether the store `i` keeps the function's address; a vector register holds several. */
  #keeps(i: number, entries: readonly number[]): boolean {
    const { code, fn } = this.#context;
    const { pointerSize } = code.processor;
    for (let lane = 0; lane + pointerSize <= fn.body.operations.size[i]; lane += pointerSize)
      if (fn.storedPointers(i, lane).some(value => value.kind === 'address' && entries.includes(value.rva)))
        return true;
    return false;
  }
}
