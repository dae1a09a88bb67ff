/** Functions that pass on a tag, or something that a tag is read from: which there are, and who learns of a new one. */

import { type Callee, isSurer } from '../facts/callee.ts';
import { joinHanded } from '../facts/handed-functions.ts';
import { innerDistance, innerDistances } from '../facts/inner-distances.ts';
import { madeKey } from '../facts/made-tags.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { joinVirtual } from '../facts/virtual-calls.ts';
import { type Place, placeKey, pointerTo } from '../processors/places.ts';
import type { Callees } from './callees.ts';

/** Wrappers of wrappers beyond this depth are a misreading. */
const MAX_DEPTH = 8;
/**
 * In real drivers fewer than one function in twenty passes a tag on, and functions have a few hundred bytes; in damaged
 * ones everything may look like a wrapper.
 */
const MAX_WRAPPERS = 5_000;
const LEAST_WRAPPERS = 200;
const CODE_BYTES_PER_WRAPPER = 1_000;

/** Collects those of a whole image, the function at hand at a time. */
export class TagWrappers {
  readonly #context: SearchContext;
  readonly #callees: Callees;
  readonly #room: number;
  readonly #seen = new Map<string, Callee>();
  #isLost = false;

  constructor(context: SearchContext, callees: Callees) {
    this.#context = context;
    this.#callees = callees;
    this.#room = Math.min(MAX_WRAPPERS, LEAST_WRAPPERS + context.code.codeBytes / CODE_BYTES_PER_WRAPPER);
  }

  /** One that is no guess was left out. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * What the function at hand is given at `place` (at its entry) reaches the tag argument of `callee`, which it calls at
   * `callRva`. True where that is new.
   */
  add(place: Place, callRva: number, callee: Callee): boolean {
    const { fn } = this.#context;
    if (!this.#isNew(place, callee)) return false;
    if (callee.returnedAt === undefined) this.#foundReader(place);
    const { site, wrappers, wrapperCalls, ...rest } = callee;
    // A tag that is kept between two functions goes through both of them.
    const isKept = site !== undefined && site.functionRva !== fn.rva;
    this.#callees.addFunction(fn.rva, {
      ...rest,
      place: fn.beforeCall(place),
      handed: rest.handed && { ...rest.handed, place: fn.beforeCall(rest.handed.place) },
      inner: innerDistance(callee, pointerTo(place)?.offset),
      wrappers: isKept ? [fn.rva, site.functionRva, ...wrappers] : [fn.rva, ...wrappers],
      wrapperCalls: isKept ? [callRva, site.rva, ...wrapperCalls] : [callRva, ...wrapperCalls],
    });
    return true;
  }

  #isNew(place: Place, callee: Callee): boolean {
    if (callee.wrappers.length >= MAX_DEPTH) return false;
    if (this.#seen.size >= this.#room) {
      // Guesses are followed as far as there is room: that some are left out is no news.
      this.#isLost ||= callee.guesses === undefined;
      return false;
    }
    const { returnedAt = '', poolFunction, computed } = callee;
    const made = madeKey(computed);
    const key = `${this.#context.fn.rva}:${placeKey(place)}:${returnedAt}:${poolFunction.kind}:${made}`;
    const known = this.#seen.get(key);
    if (known !== undefined) join(known, callee);
    // The same by a surer way may prove more.
    const isNew = known === undefined || isSurer(callee, known);
    if (isNew) this.#seen.set(key, callee);
    if (isNew && known !== undefined) join(callee, known);
    return isNew;
  }

  /** A tag is read behind a pointer that the function is given: who puts one there, in the object or in one within it. */
  #foundReader(place: Place): void {
    const { fn, stored, targets } = this.#context;
    const kept = pointerTo(place);
    if (kept === undefined) return;
    stored.wantStores(kept.offset);
    for (const distance of innerDistances(fn, kept.offset)) stored.wantStores(distance);
    stored.setters.foundReader(kept.offset, targets.wave);
  }
}

/** The same place is read by another way: what is known of both holds for either. */
function join(known: Callee, other: Callee): void {
  if (known.virtual !== undefined) joinVirtual(known.virtual, other.virtual);
  joinHanded(known, other);
}
