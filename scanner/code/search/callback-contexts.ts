/**
 * Contexts of functions that nobody calls directly, passed or kept beside them: whoever calls such a function later gives it that, so
 * what the function reads there is what stands in it. A guess, since only the neighbourhood tells.
 */
import { withoutHanded } from '../facts/handed-functions.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { insideOf, keptBeside } from '../facts/stored-callbacks.ts';
import { behindPointer } from '../values/behind-pointer.ts';
import type { Value } from '../values/values.ts';
import type { TagUses } from './tag-uses.ts';

/** Looks at the function at hand. */
export class CallbackContexts {
  readonly #context: SearchContext;
  readonly #uses: TagUses;

  constructor(context: SearchContext, uses: TagUses) {
    this.#context = context;
    this.#uses = uses;
  }

  /**
   * Call `i` passes the function at `rva` at the n-th of the places: what it passes next is its context (`Queue(work, routine, context)`),
   * which several functions may share (`Create(count, allocate, release, context)`).
   */
  addPassed(i: number, n: number, rva: number): void {
    const { code, fn, targets, worklist } = this.#context;
    const isFunction = (value: Value) =>
      value.kind === 'address' && code.image.sectionAt(value.rva)?.executable === true;
    const passed = fn.passedEverywhere(i);
    let at = n + 1;
    while (at < passed.length && passed[at].some(isFunction)) at++;
    const next = code.processor.passedPlaces[at];
    if (next === undefined || !worklist.isOnlyNamed(rva)) return;
    for (const callee of targets.readersAt(rva)) {
      const { behind, further } = callee.place;
      const guesses = (callee.guesses ?? 0) + 1;
      this.#uses.addCall(i, { ...withoutHanded(callee), place: { ...next, behind, further }, guesses });
    }
  }

  /** The store `i` keeps the function at `rva` beside its context: who passes that, or has kept it, may have filled it. See ObjectFlow. */
  addKept(i: number, rva: number): void {
    const { code, fn, stored, targets } = this.#context;
    const readers = targets.readersAt(rva).filter(({ place }) => place.further === undefined);
    if (readers.length === 0) return;
    for (const pointer of keptBeside(fn, i, code.processor.pointerSize)) {
      for (const callee of readers) {
        const { behind = 0 } = callee.place;
        stored.wantStores(behind + (pointer.kind === 'inside' ? pointer.plus : 0));
        if (callee.wrappers.length > 0)
          this.#uses.addValues([behindPointer(pointer, behind)], i, insideOf(withoutHanded(callee)));
      }
    }
  }
}
