/**
 * Objects of the image that the function at hand names, is given, or gets from a function which finds them in a table: it may keep
 * their addresses in others, or pass them on.
 */

import type { SearchContext } from '../facts/search-context.ts';
import { namesAddress } from '../functions/named-addresses.ts';
import { Op } from '../processors/operations.ts';
import type { Value } from '../values/values.ts';

/** What a store may put into an object. */
interface Kept {
  values: readonly Value[];
  /** A function has found them. */
  areFound: boolean;
}

/** Answers for the function at hand. */
export class KeptObjects {
  readonly #context: SearchContext;
  #hasAny = false;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Another function is at hand now. */
  begin(): void {
    this.#hasAny = !this.#context.stored.objects.isEmpty && this.#findAny();
  }

  /** The function has to do with such objects. */
  get hasAny(): boolean {
    return this.#hasAny;
  }

  #findAny(): boolean {
    const { fn, stored, worklist } = this.#context;
    const { objects } = stored;
    const { operations } = fn.body;
    const hasAddress =
      namesAddress(operations, rva => objects.has(rva) || objects.isList(rva)) ||
      objects.isFoundIn(operations);
    if (!hasAddress) return objects.isGivenTo(fn.rva);
    if (objects.addFinder(fn.rva, fn.pointersReturnedBy(fn.rva))) worklist.addCallersNearTags(fn.rva);
    return true;
  }

  /** The objects whose addresses the store `i` may keep: those at hand, and those that a call has found. */
  keptBy(i: number): readonly Kept[] {
    const { code, fn, stored } = this.#context;
    if (!stored.objects.mayBeKept(fn.body, i, code.processor.pointerSize)) return [];
    const { op, low } = fn.body.operations;
    const pointers = fn.storedPointers(i, 0);
    const returned = pointers.flatMap(value =>
      value.kind === 'result' && op[value.operation] === Op.call
        ? fn.pointersReturnedBy(low[value.operation])
        : [],
    );
    return [
      { values: pointers.filter(value => this.#isObject(value)), areFound: false },
      { values: returned.filter(value => this.#isObject(value)), areFound: true },
    ].filter(({ values }) => values.length > 0);
  }

  /** Objects are handed to the function that is called: it may keep them. */
  addPassed(i: number): void {
    const { code, fn, stored, worklist } = this.#context;
    const isPassed = code.processor.passedPlaces.some(place =>
      fn.passedAt(place, i).some(value => this.#isObject(value)),
    );
    if (!isPassed) return;
    const called = fn.isIndirect(i)
      ? fn.calledPointers(i).flatMap(value => (value.kind === 'address' ? [value.rva] : []))
      : [fn.body.operations.low[i]];
    for (const rva of called) if (stored.objects.give(rva)) worklist.addGuesses([rva]);
  }

  /** Whether the value is such an object, or a parameter of a function that is given one. */
  #isObject(value: Value): boolean {
    const { fn, stored } = this.#context;
    if (value.kind === 'address' || value.kind === 'element') return stored.objects.has(value.rva);
    return value.kind === 'parameter' && value.place.behind === undefined && stored.objects.isGivenTo(fn.rva);
  }
}
