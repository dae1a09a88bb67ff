/**
 * What stands at a tag argument, and what follows from it: a constant is a use, a parameter makes its function a
 * wrapper, and a variable or field makes everything that fills it interesting.
 */

import { CalledClasses } from '../classes/called-classes.ts';
import type { Callee, HandedFunction } from '../facts/callee.ts';
import { handedAt, handedOver, withoutHanded } from '../facts/handed-functions.ts';
import { isOfTag, isProtection, type MadeTag, madeTag, SWAPPED, sumWith } from '../facts/made-tags.ts';
import { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { isPlainField, keptIn } from '../facts/stored-tags.ts';
import { isBelievable, isSameSoFar, keepSurest, type TagUse } from '../facts/tag-use.ts';
import { FILTER_CONTEXT, isOtherTag } from '../pool/pool-functions.ts';
import type { Place } from '../processors/places.ts';
import { isOfText } from '../values/texts.ts';
import type { Value } from '../values/values.ts';
import { CallArguments } from './call-arguments.ts';
import type { Callees } from './callees.ts';
import { registeredTags } from './filter-contexts.ts';
import { LeftTags } from './left-tags.ts';
import { ReturnedTags } from './returned-tags.ts';
import { TagReaders } from './tag-readers.ts';
import { TagWrappers } from './tag-wrappers.ts';
import { UseJudge } from './use-judge.ts';

/** Honest tag uses number in the thousands; hostile code must not fill the memory with them. */
const MAX_USES = 100_000;
/** A virtual call and a field of an object on the way to one tag; more guesses upon guesses prove nothing. */
const MAX_GUESSES = 2;

/** What a tag's origin is called when it was kept somewhere before. */
const ORIGINS = { memory: 'global', behind: 'structure', field: 'structure' } as const;

/** What others fill. */
const KEPT: ReadonlySet<Value['kind']> = new Set(['memory', 'behind', 'field']);

/** Collects the uses of a whole image, a function at a time. */
export class TagUses {
  /** Of virtual calls. */
  readonly classes: CalledClasses;
  readonly #context: SearchContext;
  readonly #tables: ObjectTables;
  readonly #returned: ReturnedTags;
  readonly #left: LeftTags;
  readonly #wrappers: TagWrappers;
  readonly #readers: TagReaders;
  readonly #judge: UseJudge;
  readonly #arguments: CallArguments;
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
    this.#readers = new TagReaders(context, (tags, callee) => this.addValues(tags, 0, callee));
    this.#judge = new UseJudge(context, this.#tables);
    this.#arguments = new CallArguments(context);
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
    if (!this.#arguments.firstFits(i, found)) return;
    const { fn } = this.#context;
    const here = handedAt(fn, i, found);
    const callee = by === undefined ? here : handedOver(here, by);
    if (callee.returnedAt !== undefined) return this.#addReturned(i, callee, callee.returnedAt);
    const passed = fn.passedAt(callee.place, i);
    if (callee.computed !== undefined && !isOfTag(callee.computed)) {
      this.addValues(passed, i, callee);
      return;
    }
    for (const { place, returnedAt } of this.#returned.entriesOf(passed))
      this.#addTableEntry(place, i, callee, returnedAt);
    const values =
      callee.poolFunction.field?.name === FILTER_CONTEXT
        ? registeredTags(this.#context, passed, i)
        : this.#arguments.cleared(
            this.#left.with(fn.placeAt(callee.place, i), fn.withReturned(passed), i),
            callee,
            i,
          );
    const counted = this.#arguments.ofItsRow(fn.resolver.resolveCount(values, i) ?? values, callee, i);
    const isFound = this.addValues(
      counted,
      i,
      this.classes.ofCall(this.#arguments.withRequest(callee, i), i),
    );
    const isSure = callee.guesses === undefined && !callee.poolFunction.isUnlisted;
    if (!isFound && isSure && !isOtherTag(callee.poolFunction) && !fn.passesZero(callee.place, i))
      this.#unresolved.add(fn.body.operations.rva[i]);
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
    if (callee.computed !== undefined) return this.#addComputed(values, i, callee, callee.computed);
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
          if (isOfText(this.#context.code.image, value, callee.place)) break;
          this.#addUse({ ulong, callee, ...site, origin: callee.site?.origin ?? origin, constantRva, path });
          break;
        }
        case 'family': {
          const { value: ulong, mask: familyMask, base: familyBase, rva: constantRva, via: path } = value;
          isResolved = true;
          if (value.place !== undefined && value.place.behind === undefined)
            this.#addWrapper(value.place, rva, {
              ...callee,
              computed: { base: ulong, mask: familyMask, how: familyBase.isSetIn && 'set' },
            });
          if (callee.guesses) break;
          const use = { ulong, familyMask, familyBase, callee, ...site, constantRva, path };
          this.#addUse({ ...use, origin: 'computed' });
          break;
        }
        case 'inside':
          // Not a part of an object here but a number: the tag, with a constant added.
          if (value.stride === 0 && this.#addSum(value.object, value.plus, i, callee)) isResolved = true;
          break;
        case 'memory':
          if (value.plus !== 0 && this.#addSum({ ...value, plus: 0 }, value.plus, i, callee))
            isResolved = true;
          if (value.plus === 0) this.#addOpen(value, i, callee);
          break;
        case 'changed': {
          const computed = { base: value.value, mask: value.mask, how: 'changed' } as const;
          if (this.addValues([value.object], i, { ...callee, computed })) isResolved = true;
          break;
        }
        case 'swapped':
          if (this.addValues([value.object], i, { ...callee, computed: SWAPPED })) isResolved = true;
          break;
        default:
          if (this.#addOpen(value, i, callee)) isResolved = true;
      }
    }
    return isResolved;
  }

  /** The tag is what stands in something that is not known here, with a constant added to it. */
  #addSum(value: Value, plus: number, i: number, callee: Callee): boolean {
    return this.addValues([value], i, { ...callee, computed: sumWith(plus) });
  }

  /** A tag is passed that the caller knows, or whoever has filled a variable or an object. True where it is a parameter. */
  #addOpen(value: Value, i: number, callee: Callee): boolean {
    const { fn } = this.#context;
    const rva = fn.body.operations.rva[i];
    switch (value.kind) {
      case 'parameter':
        this.#addWrapper(value.place, rva, callee);
        return true;
      case 'memory':
      case 'behind':
      case 'field': {
        if ((callee.guesses ?? 0) >= MAX_GUESSES) break;
        // What is copied from one object to another proves nothing where only distances tell both.
        if (callee.guesses && isPlainField(keptIn(value)) && isPlainField(callee.keptIn)) break;
        const site = callee.site ?? { origin: ORIGINS[value.kind], rva, functionRva: fn.rva };
        this.#readers.add(value, { ...withoutHanded(callee), keptIn: keptIn(value), site });
        if (value.kind === 'field' && value.place !== undefined) this.#addWrapper(value.place, rva, callee);
      }
    }
    return false;
  }

  /** What is passed, at operation `i`, to a callee that makes the tag of it: by changing it, or by putting it into a constant as a character. */
  #addComputed(values: readonly Value[], i: number, callee: Callee, computed: MadeTag): boolean {
    const { fn } = this.#context;
    const site = callee.site ?? { rva: fn.body.operations.rva[i], functionRva: fn.rva };
    const maker = { ...callee, computed: undefined };
    let isResolved = false;
    for (const value of values) {
      if (value.kind === 'constant') {
        const { value: number, origin, rva: constantRva, via: path } = value;
        const ulong = madeTag(number, computed);
        if (ulong === undefined) continue;
        isResolved = true;
        const tag = { ...value, value: ulong };
        if (callee.guesses && !isBelievable(this.#context.code.image, tag, maker)) continue;
        const use = {
          ulong,
          madeOf: { number, origin, how: computed.how },
          callee: maker,
          ...site,
          constantRva,
          path,
        };
        this.#addUse({
          ...use,
          origin: callee.site?.origin ?? (isProtection(computed) ? origin : 'computed'),
        });
      }
      // A digit that is kept in an object may be any number of that object's.
      if (value.kind === 'parameter' || (isOfTag(computed) && KEPT.has(value.kind)))
        isResolved = this.#addOpen(value, i, callee) || isResolved;
    }
    return isResolved;
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
    if (isNew && callee.returnedAt === undefined) this.#readers.addContext(place, callRva, callee);
  }
}
