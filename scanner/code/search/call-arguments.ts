/** What the arguments of a call say besides the tag: whether it takes one, what is asked for, and which of several tags are this call's. */

import type { Callee } from '../facts/callee.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { DRIVER_CREATE } from '../pool/pool-functions.ts';
import { poolRequest } from '../pool/pool-request.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { constant } from '../values/make-value.ts';
import { ofRowsWith } from '../values/table-rows.ts';
import type { Value } from '../values/values.ts';

/** Answers for the calls of the function at hand. */
export class CallArguments {
  readonly #context: SearchContext;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Functions that take tags of several kinds are told apart by their first argument. */
  firstFits(i: number, callee: Callee): boolean {
    const wanted = callee.poolFunction.onlyWhenFirstIs;
    if (wanted === undefined || callee.wrappers.length > 0) return true;
    const { code, fn } = this.#context;
    const { values } = fn.resolver.resolveBounded(fn.placeAt(code.processor.argument(1), i), i);
    return values.some(value => value.kind === 'constant' && value.value === wanted);
  }

  /** The callee with what this very call asks for: the pool function's own, or one by a wrapper that leaves it open. */
  withRequest(callee: Callee, i: number): Callee {
    const { code, fn } = this.#context;
    const { request } = callee.poolFunction;
    if (request === undefined || callee.wrappers.length > 0) return callee;
    const constantAt = (place: Place) => {
      const values = fn.passedAt(place, i);
      return values.length === 1 && values[0].kind === 'constant' ? values[0].value : undefined;
    };
    return { ...callee, request: poolRequest(request, code.processor, constantAt) };
  }

  /**
   * A field of WDF_DRIVER_CONFIG that nothing is seen to write is zero: WDF_DRIVER_CONFIG_INIT clears it, or it is copied from a template
   * of which no code names that field. On x86, where the stack pointer may be lost behind a call, a store into the frame may have gone unseen.
   */
  cleared(values: readonly Value[], { poolFunction }: Callee, i: number): readonly Value[] {
    const { code, fn } = this.#context;
    if (poolFunction.name !== DRIVER_CREATE) return values;
    const zero = constant(0, 'structure', fn.body.operations.rva[i]);
    const isZero = (value: Value) =>
      value.kind === 'memory'
        ? value.plus === 0 &&
          code.image.u32At(value.rva) === 0 &&
          code.index.referencesTo(value.rva).length === 0
        : value.kind === 'blank' && code.processor.arch !== 'x86';
    return values.map(value => (isZero(value) ? zero : value));
  }

  /** Where call `i` goes through a row of a table, only what stands in a row with such a callee reaches it. */
  ofItsRow(values: readonly Value[], { place }: Callee, i: number): readonly Value[] {
    const { code, fn, targets } = this.#context;
    if (values.length < 2 || !fn.isIndirect(i)) return values;
    const key = placeKey(place);
    return ofRowsWith(code.image, fn.calledPointers(i), values, rva =>
      targets.allOfFunction(rva).some(callee => placeKey(callee.place) === key),
    );
  }
}
