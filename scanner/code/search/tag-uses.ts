/**
 * What stands at a tag argument, and what follows from it: a constant is a use, a parameter makes its function a
 * wrapper, and a variable or field makes everything that fills it interesting.
 */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { CalledClasses } from '../classes/called-classes.ts';
import type { Callee, HandedFunction } from '../facts/callee.ts';
import { handedAt, handedOver, withoutHanded } from '../facts/handed-functions.ts';
import { innerDistance } from '../facts/inner-distances.ts';
import { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { isPlainField, keptIn } from '../facts/stored-tags.ts';
import { isBelievable, isSameSoFar, keepSurest, type TagUse } from '../facts/tag-use.ts';
import { DRIVER_CREATE, FILTER_CONTEXT, isOtherTag } from '../pool/pool-functions.ts';
import { poolRequest } from '../pool/pool-request.ts';
import { type Place, placeKey } from '../processors/places.ts';
import { address, behindPointer, constant, UNKNOWN } from '../values/make-value.ts';
import { tagsBehind } from '../values/static-tags.ts';
import { ofRowsWith } from '../values/table-rows.ts';
import type { Value } from '../values/values.ts';
import type { Callees } from './callees.ts';
import { registeredTags } from './filter-contexts.ts';
import { LeftTags } from './left-tags.ts';
import { ReturnedTags } from './returned-tags.ts';
import { TagWrappers } from './tag-wrappers.ts';
import { UseJudge } from './use-judge.ts';

/** Honest tag uses number in the thousands; hostile code must not fill the memory with them. */
const MAX_USES = 100_000;
/** A virtual call and a field of an object on the way to one tag; more guesses upon guesses prove nothing. */
const MAX_GUESSES = 2;

/** What a tag's origin is called when it was kept somewhere before. */
const ORIGINS = { memory: 'global', behind: 'structure', field: 'structure' } as const;

type Family = NonNullable<Callee['computed']>;

/** Collects the uses of a whole image, a function at a time. */
export class TagUses {
  /** Of virtual calls. */
  readonly classes: CalledClasses;
  readonly #context: SearchContext;
  readonly #tables: ObjectTables;
  readonly #returned: ReturnedTags;
  readonly #left: LeftTags;
  readonly #wrappers: TagWrappers;
  readonly #judge: UseJudge;
  readonly #usesBySite = new Map<number, TagUse[]>();
  #useCount = 0;
  readonly #unresolved = new Set<number>();

  constructor(context: SearchContext, callees: Callees) {
    this.#context = context;
    this.#tables = new ObjectTables(context.code);
    this.classes = new CalledClasses(context, this.#tables);
    this.#returned = new ReturnedTags(context, this.#tables);
    this.#left = new LeftTags(context);
    this.#wrappers = new TagWrappers(context, callees);
    this.#judge = new UseJudge(context, this.#tables);
  }

  /** The work done besides the function at hand since this was last asked, in decoded operations. */
  takeWork(): number {
    return this.#tables.takeWork() + this.#left.takeWork();
  }

  /** Nothing more is kept. */
  get isFull(): boolean {
    return this.#useCount >= MAX_USES;
  }

  /** A bound was reached, so that something may be missing. */
  get isCut(): boolean {
    return this.isFull || this.#wrappers.isLost;
  }

  /** The uses that hold, now that everything is known, and the number of calls whose tag stayed unknown. */
  result(): { uses: readonly TagUse[]; unresolvedCalls: number } {
    const kept = this.#judge.believed(this.#usesBySite.values());
    for (const { rva } of kept) this.#unresolved.delete(rva);
    return { uses: kept, unresolvedCalls: this.#unresolved.size };
  }

  /** The call or tail jump `i` leads to `found`, perhaps by a pointer that the function at hand is given: its tag argument is looked at. */
  addCall(i: number, found: Callee, by?: HandedFunction): void {
    if (!this.#firstArgumentFits(i, found)) return;
    const { fn } = this.#context;
    const here = handedAt(fn, i, found);
    const callee = by === undefined ? here : handedOver(here, by);
    if (callee.returnedAt !== undefined) return this.#addReturned(i, callee, callee.returnedAt);
    const passed = fn.passedAt(callee.place, i);
    if (callee.computed !== undefined) {
      this.#addComputed(passed, i, callee, callee.computed);
      return;
    }
    for (const { place, returnedAt } of this.#returned.entriesOf(passed))
      this.#addTableEntry(place, i, callee, returnedAt);
    const values =
      callee.poolFunction.field?.name === FILTER_CONTEXT
        ? registeredTags(this.#context, passed, i)
        : this.#cleared(this.#left.with(fn.placeAt(callee.place, i), fn.withReturned(passed), i), callee, i);
    const counted = this.#ofItsRow(fn.resolver.resolveCount(values, i) ?? values, callee, i);
    const isFound = this.addValues(counted, i, this.classes.ofCall(this.#withRequest(callee, i), i));
    const isSure = callee.guesses === undefined && !callee.poolFunction.isUnlisted;
    if (!isFound && isSure && !isOtherTag(callee.poolFunction) && !fn.passesZero(callee.place, i))
      this.#unresolved.add(fn.body.operations.rva[i]);
  }

  /** Where call `i` goes through a row of a table, only what stands in a row with such a callee reaches it. */
  #ofItsRow(values: readonly Value[], { place }: Callee, i: number): readonly Value[] {
    const { code, fn, targets } = this.#context;
    if (values.length < 2 || !fn.isIndirect(i)) return values;
    const key = placeKey(place);
    return ofRowsWith(code.image, fn.calledPointers(i), values, rva =>
      targets.allOfFunction(rva).some(callee => placeKey(callee.place) === key),
    );
  }

  /** What call `i` passes at a place, with what functions have left there that were given the place's address before. */
  passedWithLeft(place: Place, i: number): readonly Value[] {
    const { fn } = this.#context;
    return this.#left.with(fn.placeAt(place, i), fn.passedAt(place, i), i);
  }

  /** What call `i` passes is returned by a function in the table whose address the function at hand is given at `place`. */
  #addTableEntry(place: Place, i: number, callee: Callee, returnedAt: number): void {
    this.#addWrapper(place, this.#context.fn.body.operations.rva[i], { ...callee, returnedAt });
    // Where the table begins is told by what code names.
    const guesses = (callee.guesses ?? 0) + 1;
    const tags = this.#returned.ofMethod({ place, returnedAt });
    this.addValues(tags, i, { ...callee, returnedAt: undefined, guesses });
  }

  /** Call `i` passes an object, or a table, one of whose functions returns the tag. */
  #addReturned(i: number, callee: Callee, returnedAt: number): void {
    const { fn } = this.#context;
    for (const value of fn.passedAt(callee.place, i))
      if (value.kind === 'parameter') this.#addTableEntry(value.place, i, callee, returnedAt);
    // Which object it is was worked out from the order of the code.
    const guesses = (callee.guesses ?? 0) + 1;
    const tags = this.#returned.tagsOf({ place: callee.place, returnedAt }, i);
    this.addValues(tags, i, { ...callee, returnedAt: undefined, guesses });
  }

  /**
   * Follows what may stand in a tag argument of `callee`, at operation `i` of the function at hand. True where it is a
   * constant or a parameter.
   */
  addValues(values: readonly Value[], i: number, callee: Callee): boolean {
    const { fn } = this.#context;
    const rva = fn.body.operations.rva[i];
    const site = callee.site ?? { rva, functionRva: fn.rva };
    let isResolved = false;
    for (const value of values) {
      switch (value.kind) {
        case 'constant': {
          const { value: ulong, origin, rva: constantRva, via: path } = value;
          isResolved = true;
          if (callee.guesses && !isBelievable(this.#context.code.image, value, callee)) break;
          this.#addUse({ ulong, callee, ...site, origin: callee.site?.origin ?? origin, constantRva, path });
          break;
        }
        case 'family': {
          const { value: ulong, mask: familyMask, base: familyBase, rva: constantRva, via: path } = value;
          isResolved = true;
          if (value.place !== undefined && value.place.behind === undefined)
            this.#addWrapper(value.place, rva, { ...callee, computed: { base: ulong, mask: familyMask } });
          if (callee.guesses) break;
          const use = { ulong, familyMask, familyBase, callee, ...site, constantRva, path };
          this.#addUse({ ...use, origin: 'computed' });
          break;
        }
        case 'parameter':
          isResolved = true;
          this.#addWrapper(value.place, rva, callee);
          break;
        case 'memory':
        case 'behind':
        case 'field':
          if ((callee.guesses ?? 0) >= MAX_GUESSES) break;
          // What is copied from one object to another proves nothing where only distances tell both.
          if (callee.guesses && isPlainField(keptIn(value)) && isPlainField(callee.keptIn)) break;
          this.#addReader(value, {
            ...withoutHanded(callee),
            keptIn: keptIn(value),
            site: { origin: ORIGINS[value.kind], ...site },
          });
          if (value.kind === 'field' && value.place !== undefined) this.#addWrapper(value.place, rva, callee);
      }
    }
    return isResolved;
  }

  /** Call `i` passes a number that the callee puts into a tag, as one of its characters. */
  #addComputed(passed: readonly Value[], i: number, callee: Callee, { base, mask }: Family): void {
    const { rva } = this.#context.fn.body.operations;
    for (const value of passed) {
      if (value.kind === 'parameter') this.#addWrapper(value.place, rva[i], callee);
      if (value.kind !== 'constant') continue;
      const tag = (base + (Math.imul(value.value, mask & -mask) & mask)) >>> 0;
      const found = looksLikeTag(tag) ? [{ ...value, value: tag, origin: 'computed' as const }] : [];
      this.addValues(found, i, { ...callee, computed: undefined });
    }
  }

  /** Functions that take tags of several kinds are told apart by their first argument. */
  #firstArgumentFits(i: number, callee: Callee): boolean {
    const wanted = callee.poolFunction.onlyWhenFirstIs;
    if (wanted === undefined || callee.wrappers.length > 0) return true;
    const { code, fn } = this.#context;
    const { values } = fn.resolver.resolveBounded(fn.placeAt(code.processor.argument(1), i), i);
    return values.some(value => value.kind === 'constant' && value.value === wanted);
  }

  /**
   * A field of WDF_DRIVER_CONFIG that nothing is seen to write is zero: WDF_DRIVER_CONFIG_INIT clears it. On x86, where
   * the stack pointer may be lost behind a call, a store may have gone unseen.
   */
  #cleared(values: readonly Value[], { poolFunction }: Callee, i: number): readonly Value[] {
    const { code, fn } = this.#context;
    if (poolFunction.name !== DRIVER_CREATE || code.processor.arch === 'x86') return values;
    const zero = constant(0, 'structure', fn.body.operations.rva[i]);
    return values.map(value => (value.kind === 'blank' ? zero : value));
  }

  /** The callee with what this very call asks for: the pool function's own, or one by a wrapper that leaves it open. */
  #withRequest(callee: Callee, i: number): Callee {
    const { code, fn } = this.#context;
    const { request } = callee.poolFunction;
    if (request === undefined || callee.wrappers.length > 0) return callee;
    const constantAt = (place: Place) => {
      const values = fn.passedAt(place, i);
      return values.length === 1 && values[0].kind === 'constant' ? values[0].value : undefined;
    };
    return { ...callee, request: poolRequest(request, code.processor, constantAt) };
  }

  #addUse(use: TagUse): void {
    if (this.isFull) return;
    const atSite = this.#usesBySite.get(use.rva);
    if (atSite === undefined) this.#usesBySite.set(use.rva, [use]);
    else if (!keepSurest(atSite, 0, use, isSameSoFar)) return;
    this.#useCount++;
  }

  /** The function at hand passes a tag on that it is given at `place`, as it sees that at its entry. */
  #addWrapper(place: Place, callRva: number, callee: Callee): void {
    const isNew = this.#wrappers.add(place, callRva, callee);
    if (isNew && callee.returnedAt === undefined) this.#addContextReader(place, callRva, callee);
  }

  /**
   * Nobody calls the function at hand: somebody else's code was given its address, and gives it an object of the driver's.
   * Which one it is, only the distance tells: a guess upon the guess that a field is.
   */
  #addContextReader(place: Place, callRva: number, callee: Callee): void {
    const { fn, worklist } = this.#context;
    if (place.behind === undefined || place.further !== undefined || callee.guesses) return;
    const isOnlyNamed = worklist.isOnlyNamed(fn.rva);
    // A class's function that one of a derived class calls, too, is given the objects of its own class.
    if (!isOnlyNamed && worklist.slotsOf(fn.rva).length === 0) return;
    const site = callee.site ?? { rva: callRva, functionRva: fn.rva };
    const keptIn = `context ${fn.rva}:${placeKey(place)}`;
    const object = behindPointer(UNKNOWN, place.behind);
    const isOfOwnClass = isOnlyNamed ? undefined : (true as const);
    const reader = { ...withoutHanded(callee), keptIn, method: fn.rva, isOfOwnClass, guesses: 1 };
    this.#addReader(object, { ...reader, site: { origin: 'parameter', ...site } });
  }

  /** The variable points at a description from the start, behind which the tag is read. */
  #addInitial({ rva, offset }: Extract<Value, { kind: 'behind' }>, callee: Callee): void {
    const { image } = this.#context.code;
    const target = relocatedPointerAt(image, rva);
    // The head of an empty list points at itself: what stands behind it belongs to something else.
    if (target !== undefined && target !== rva)
      this.addValues(tagsBehind(this.#context.code, [address(target)], offset), 0, callee);
  }

  /** A tag is read from a variable or from an object: what fills it is looked at next. */
  #addReader(value: Value, callee: Callee): void {
    const { code, stored, targets, worklist } = this.#context;
    if (value.kind === 'memory' && !code.image.sectionAt(value.rva)?.writable) return;
    if (!stored.addReader(value, callee)) return;
    if (value.kind === 'behind') this.#addInitial(value, callee);
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
}
