/**
 * Objects that a function makes for its caller: what it puts there is read by the functions beside it in its table, since a table's
 * functions work on what its maker makes (`interface->create(..., tag, &cache); interface->get(cache)`).
 */
import type { MethodTables } from '../classes/method-tables.ts';
import type { Callee } from '../facts/callee.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import { type Place, placeKey } from '../processors/places.ts';
import type { Value } from '../values/values.ts';

/** Answers for the function at hand. */
export class MadeObjects {
  readonly #context: SearchContext;
  readonly #methods: MethodTables;

  constructor(context: SearchContext, methods: MethodTables) {
    this.#context = context;
    this.#methods = methods;
  }

  /**
   * Functions that stand in a table or a structure beside the one at hand, and read a tag in the objects that this one makes: which object
   * they are given is no guess any more. What other objects hold there spoils none in these.
   */
  readersOf(offset: number): Callee[] {
    const { fn, stored } = this.#context;
    if (!stored.hasMethods) return [];
    return stored
      .readersOfField(undefined, offset)
      .filter(
        ({ method, guesses }) => guesses === 2 && method !== undefined && this.#methods.areOfOneKind(method),
      )
      .map(callee => ({ ...callee, keptIn: `${callee.keptIn} made by ${fn.rva}`, guesses: 1 }));
  }

  /** Whether a place is where the function at hand leaves, for its caller, what a call has returned: `*out = allocate()`. */
  isHandedOut(place: Place): boolean {
    const { code, fn, stored } = this.#context;
    if (place.behind !== 0 || place.further !== undefined || !stored.hasMethods) return false;
    const { op, size, source, displacement, count } = fn.body.operations;
    const key = placeKey({ ...place, behind: undefined });
    const isPlace = (value: Value) => value.kind === 'parameter' && placeKey(value.place) === key;
    for (let i = 0; i < count; i++) {
      const isPointer = op[i] === Op.store && size[i] === code.processor.pointerSize && source[i] !== NONE;
      if (!isPointer || displacement[i] !== 0 || fn.body.slot[i] !== NO_SLOT) continue;
      if (!fn.storePointers(i).some(isPlace)) continue;
      if (fn.storedPointers(i, 0).some(({ kind }) => kind === 'result')) return true;
    }
    return false;
  }
}
