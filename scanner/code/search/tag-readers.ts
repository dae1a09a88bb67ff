/**
 * Tags that are read from a variable, or from an object that something else fills: what may fill it is looked at next, and what stands
 * there from the start is given at once.
 */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import { MethodTables } from '../classes/method-tables.ts';
import type { Callee } from '../facts/callee.ts';
import { withoutHanded } from '../facts/handed-functions.ts';
import { innerDistance } from '../facts/inner-distances.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { keptIn } from '../facts/stored-tags.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { behindPointer } from '../values/behind-pointer.ts';
import { address, memory, UNKNOWN } from '../values/make-value.ts';
import { tagsBehind, tagsBehindNext } from '../values/static-tags.ts';
import type { Value } from '../values/values.ts';

/** Makes known who reads, for the function at hand. */
export class TagReaders {
  readonly #context: SearchContext;
  readonly #methods: MethodTables;
  readonly #addTags: (tags: readonly Value[], callee: Callee) => void;

  /** `addTags` is told of tags that stand in the image where a callee reads its own. */
  constructor(context: SearchContext, addTags: (tags: readonly Value[], callee: Callee) => void) {
    this.#context = context;
    this.#methods = new MethodTables(context);
    this.#addTags = addTags;
  }

  /** A tag is read from a variable or from an object: what fills it is looked at next. */
  add(value: Value, callee: Callee): void {
    const { code, stored, targets, worklist } = this.#context;
    if (value.kind === 'memory' && !code.image.sectionAt(value.rva)?.writable) return;
    if (value.kind === 'field') this.#addChain(value, { ...callee, keptIn: undefined });
    if (!stored.addReader(value, callee)) return;
    if (value.kind === 'behind')
      this.#addTags(tagsBehind(code, this.#initialTargets(value.rva), value.offset), callee);
    if (value.kind === 'memory') stored.setters.foundVariable(targets.wave);
    if (value.kind === 'memory' || value.kind === 'behind') worklist.addSitesNear(value.rva);
    if (value.kind !== 'field' && value.kind !== 'behind') return;
    // Tags may have been put there before anybody was known to read them, by a store or by a setter.
    worklist.addGuesses(stored.keepers.at(value.offset));
    stored.setters.foundReader(value.offset, targets.wave);
    const inner = innerDistance(callee, value.offset);
    if (inner !== undefined) {
      stored.setters.foundReader(inner, targets.wave);
      stored.setters.want(inner);
    }
    if (value.kind === 'field') return stored.setters.want(value.offset);
    for (const functionRva of stored.setters.functionsAt(value.offset))
      worklist.addCallersNearTags(functionRva);
  }

  /**
   * Nobody calls the function at hand: somebody else's code was given its address, and gives it an object of the driver's.
   * Which one it is, only the distance tells: a guess upon the guess that a field is.
   */
  addContext(place: Place, callRva: number, callee: Callee): void {
    const { code, fn, worklist } = this.#context;
    if (place.behind === undefined || place.further !== undefined || callee.guesses) return;
    const isOnlyNamed = worklist.isOnlyNamed(fn.rva);
    // A class's function that one of a derived class calls, too, is given the objects of its own class.
    if (!isOnlyNamed && worklist.slotsOf(fn.rva).length === 0) return;
    const site = callee.site ?? { rva: callRva, functionRva: fn.rva };
    const context = `context ${fn.rva}:${placeKey(place)}`;
    const object = behindPointer(UNKNOWN, place.behind);
    const isOfOwnClass = isOnlyNamed ? undefined : (true as const);
    const reader = { ...withoutHanded(callee), keptIn: context, method: fn.rva, isOfOwnClass, guesses: 1 };
    this.add(object, { ...reader, site: { origin: 'parameter', ...site } });
    for (const rva of this.#methods.imageObjectsAt(place)) {
      // What other objects hold at the distance says nothing of this one's, which code may write by its own address.
      const variable = memory((rva + place.behind) | 0);
      const kept = { ...reader, keptIn: keptIn(variable), site: { origin: 'structure' as const, ...site } };
      this.add(variable, kept);
      this.#addTags(tagsBehind(code, [address(rva)], place.behind), kept);
    }
  }

  /** The tag is read two pointers behind a variable; stores into that are next. */
  #addChain(value: Extract<Value, { kind: 'field' }>, callee: Callee): void {
    const { code, stored, worklist } = this.#context;
    const { rva, owner, offset, stride } = value;
    if (rva === undefined || owner === undefined || !stored.chains.add(value, callee)) return;
    worklist.addSitesNear(rva);
    this.#addTags(tagsBehindNext(code, this.#initialTargets(rva), { owner, offset, stride }), callee);
  }

  /** The description that the variable points at from the start, if it does. */
  #initialTargets(rva: number): Value[] {
    const target = relocatedPointerAt(this.#context.code.image, rva);
    // The head of an empty list points at itself: what stands behind it belongs to something else.
    return target === undefined || target === rva ? [] : [address(target)];
  }
}
