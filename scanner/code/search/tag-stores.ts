/**
 * Tags on their way into variables and objects: by a store, by the call of a setter, or by the call of a function that
 * returns the object filled. Who reads such a place is told what it holds.
 */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import { KeptMethods } from '../classes/kept-methods.ts';
import type { Callee } from '../facts/callee.ts';
import { isPartOfPattern } from '../facts/fill-patterns.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { isFarPointer, type Setter } from '../facts/setters.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import type { Place } from '../processors/places.ts';
import { resultOf } from '../values/make-value.ts';
import { isBeforeBlanks } from '../values/stored-texts.ts';
import { ofRowsWith } from '../values/table-rows.ts';
import { TagRegisters } from '../values/tag-registers.ts';
import { withoutNames } from '../values/texts.ts';
import type { Value } from '../values/values.ts';
import { DescribedVariables } from './described-variables.ts';
import { KeptObjects } from './kept-objects.ts';
import { ObjectFlow } from './object-flow.ts';
import type { TagUses } from './tag-uses.ts';

/** Values on their way to a place: the operation that puts them there, and how many setters lie between. */
interface Put {
  values: readonly Value[];
  i: number;
  depth: number;
  /** The table of functions at the beginning of the object, where a function made that and kept it for others. */
  table?: number;
  /** They are pointers to objects of the image, or parameters that may be. */
  areObjects?: boolean;
  /** These are what a function has found in a table. */
  areFound?: boolean;
}

/** Of a parameter of eight bytes, which is nearly always a pointer: setters of it would take the room of others. */
function isUpperHalf(place: Place): boolean {
  return 'register' in place && place.isUpper === true;
}

/** A tag, or what the caller passes there in a structure. */
function mayBeTag(value: Value): boolean {
  return value.kind === 'parameter' || isLikeTag(value);
}

function isLikeTag(value: Value): boolean {
  return value.kind === 'constant' && looksLikeTag(value.value);
}

/** Copies, and tags in them, that are looked at in all; real drivers have some hundreds. */
const MAX_COPIES = 20_000;

/** Tags of a row that are read; one distance alone may be that of something else in another object. */
const LEAST_READ_OF_A_FAMILY = 2;

/** Looks at the stores and calls of the function at hand. */
export class TagStores {
  readonly #context: SearchContext;
  readonly #uses: TagUses;
  readonly #objects: ObjectFlow;
  readonly #registers = new TagRegisters();
  readonly #kept: KeptObjects;
  readonly #methods: KeptMethods;
  readonly #described: DescribedVariables;
  #copiesLeft = MAX_COPIES;

  constructor(context: SearchContext, uses: TagUses) {
    this.#context = context;
    this.#uses = uses;
    this.#objects = new ObjectFlow(context, uses.classes);
    this.#kept = new KeptObjects(context);
    this.#methods = new KeptMethods(context);
    this.#described = new DescribedVariables(context, uses);
  }

  /** Another function is at hand now. */
  begin(): void {
    this.#objects.begin();
    this.#registers.begin();
    this.#kept.begin();
    this.#methods.begin();
  }

  /** The store `i`: it may fill a place that a tag is read from. */
  addStore(i: number): void {
    const { fn, stored } = this.#context;
    if (this.#kept.hasAny) this.#addKeptObject(i);
    if (stored.hasDescriptions) this.#described.addStore(i);
    // Loops keep pointers to the middle of an element, or count its distance: a tag may stand at another than it is read at.
    const mayBeInside = stored.hasReaders && this.#registers.mayStoreTag(fn.body, i);
    if (!mayBeInside && !stored.mayStore(fn.body, i)) return;
    const { displacement, index, size } = fn.body.operations;
    const isIndexed = index[i] !== NONE;
    if (isIndexed && isPartOfPattern(fn.body.operations, i)) return;
    for (const pointer of isIndexed ? fn.resolver.resolveAddress(i).values : fn.storePointers(i)) {
      for (let lane = 0; lane + 4 <= size[i]; lane += 4) {
        const offset = isIndexed ? lane : displacement[i] + lane;
        const isBehindHeader = mayBeInside && this.#isBehindHeader(pointer, offset);
        if (!isBehindHeader && !stored.mayBeRead(pointer, offset)) continue;
        const values = fn.withReturned(fn.resolver.resolveStored(i, lane).values);
        if (values.some(isLikeTag) && isBeforeBlanks(fn, i, lane)) continue;
        this.#putInto(pointer, offset, {
          values: this.#withoutNames(this.#counted(values, i), pointer, { offset, lane, bytes: size[i] }),
          i,
          depth: 0,
        });
      }
    }
  }

  /** Whether a tag is put into an object that begins behind the header of what a call returned; who reads there may be found later. */
  #isBehindHeader(pointer: Value, offset: number): boolean {
    const { fn, stored } = this.#context;
    const begin = stored.hasMethods ? this.#uses.classes.beginningOf(pointer) : undefined;
    if (begin === undefined || begin === 0 || begin > offset) return false;
    stored.keepers.note(offset - begin, fn.rva);
    return true;
  }

  /** The store `i` may keep the address of an object of the image. */
  #addKeptObject(i: number): void {
    const { fn } = this.#context;
    for (const { values, areFound } of this.#kept.keptBy(i)) {
      const put = { values, i, depth: 0, areObjects: true, areFound };
      for (const pointer of fn.storePointers(i))
        this.#putInto(pointer, fn.body.operations.displacement[i], put);
    }
  }

  /** A structure may be copied at `i`: parts of it may be read as tags. */
  addCopy(i: number): void {
    const { fn, stored } = this.#context;
    if (!stored.hasReaders || fn.body.slot[i] !== NO_SLOT) return;
    const copy = fn.copyAt(i);
    if (copy === undefined) return;
    const isCall = fn.body.operations.op[i] !== Op.blockCopy;
    for (const pointer of copy.to) {
      if (pointer.kind === 'stack') continue; // asked for where it is used
      for (const offset of this.#offsetsCopied(pointer, copy.bytes)) {
        const found = fn.copiedValues(i, copy, offset);
        // Much else is copied by calls: as setters these would take the room of others.
        if (isCall && !found.some(mayBeTag)) continue;
        this.#putInto(pointer, offset, {
          values: this.#withoutNames(found, pointer, { offset, lane: offset, bytes: copy.bytes }),
          i,
          depth: 0,
        });
      }
    }
  }

  /** What is put `offset` bytes behind a pointer by the `lane` of a copy, less pieces of names. */
  #withoutNames(
    values: readonly Value[],
    pointer: Value,
    { offset, lane, bytes }: { offset: number; lane: number; bytes: number },
  ): readonly Value[] {
    const { code, stored } = this.#context;
    return withoutNames(code.image, values, lane, bytes, ({ count, isFamily }, first) => {
      const places = Array.from({ length: count }, (_, n) => offset - lane + first + 4 * n);
      const read = places.filter(place => stored.mayBeRead(pointer, place)).length;
      if (isFamily) return read >= LEAST_READ_OF_A_FAMILY;
      // Who reads this very object takes all of it for tags.
      const isKnown = this.#objects.readersAt(pointer, offset).some(({ guesses }) => guesses === undefined);
      return isKnown && read === count;
    });
  }

  /** A bound was reached, so that something may be missing. */
  get isCut(): boolean {
    return this.#copiesLeft <= 0;
  }

  /** Where tags are read of what is copied to a pointer, as long as there is room for copies. */
  #offsetsCopied(pointer: Value, bytes: number): number[] {
    if (this.#copiesLeft <= 0) return [];
    const offsets = this.#context.stored.offsetsRead(pointer, bytes).slice(0, this.#copiesLeft);
    this.#copiesLeft -= 1 + offsets.length;
    return offsets;
  }

  /** The call or tail jump `i`: a function of the image that it leads to may be a setter. */
  addCall(i: number): void {
    const { fn, stored, targets } = this.#context;
    if (this.#kept.hasAny) this.#kept.addPassed(i);
    this.addCopy(i);
    if (stored.setters.isEmpty) return;
    const called = fn.isIndirect(i)
      ? fn.calledPointers(i).flatMap(value => (value.kind === 'address' ? [value.rva] : []))
      : [fn.body.operations.low[i]];
    const { since } = targets;
    for (const target of called) {
      for (const setter of stored.setters.of(target)) {
        const mayKeep = this.#kept.hasAny && stored.objects.isNews(setter.offset, since);
        if (mayKeep || stored.setters.isNews(setter, since)) this.#addSetterCall(i, setter, target);
      }
    }
  }

  /** Values are put `offset` bytes behind a pointer. */
  #putInto(object: Value, offset: number, put: Put): void {
    if (object.kind === 'inside' && object.stride === 0)
      return this.#putInto(object.object, offset + object.plus, put);
    if (object.kind === 'parameter' && object.place.further === undefined) {
      const table = put.values.some(mayBeTag) ? this.#uses.classes.tableOfPassed(object.place) : undefined;
      this.#addSetter(object.place, offset, { ...put, table: table ?? put.table });
    }
    const { fn, stored } = this.#context;
    const readers = this.#objects.readersAt(object, offset);
    if (object.kind === 'result') {
      const keepers = this.#objects.keepersOf(object.operation);
      const mayBeRead = keepers.length > 0 && put.values.some(mayBeTag);
      const made = mayBeRead ? { ...put, table: this.#uses.classes.tableOf(object) ?? put.table } : put;
      for (const keeper of keepers) {
        if (keeper.kind === 'returned') this.#addSetter('result', offset, made);
        else if (keeper.kind === 'field' && keeper.pointer !== undefined)
          this.#addSetter(keeper.pointer, offset, made);
      }
    }
    for (const value of put.values) {
      this.#addTagsOf(value, offset, put);
      if (isLikeTag(value)) stored.keepers.note(offset, fn.rva);
    }
    for (const reader of readers) {
      const callee = this.#ofItsClass(reader, object, put);
      if (callee === undefined) continue;
      if (callee.keptIn !== undefined) stored.held.note(callee.keptIn, put.values);
      this.#uses.addValues(put.values, put.i, this.#uses.classes.ofTable(callee, put.table, offset));
    }
  }

  /** Who reads a tag in the objects of its own class: what objects of other classes hold at that distance spoils none in these. */
  #ofItsClass(reader: Callee, object: Value, { values, table, i }: Put): Callee | undefined {
    const { method, keptIn, isOfOwnClass } = reader;
    if (method === undefined || keptIn === undefined) return reader;
    const { stored } = this.#context;
    if (values.some(mayBeTag) && this.#methods.isGiven(object, method, i)) {
      const own = `${keptIn} of who keeps it`;
      stored.held.note(own, values);
      return { ...reader, keptIn: own, guesses: Math.max(1, (reader.guesses ?? 1) - 1) };
    }
    const isOwn = this.#uses.classes.isMethodOf(method, object, table);
    if (isOfOwnClass && isOwn !== true) return undefined;
    const own = `${keptIn} of its class`;
    if (isOwn === undefined) stored.held.noteUnknown(own, values);
    if (isOwn === false) return { ...reader, notIn: own };
    if (isOwn === undefined) return reader;
    stored.held.note(keptIn, values);
    if (values.some(mayBeTag)) stored.held.addOwn(own);
    // That the function is given this very object is a guess no longer.
    return { ...reader, keptIn: own, guesses: Math.max(1, (reader.guesses ?? 1) - 1) };
  }

  /** The address of an object of the image may be kept `owner` bytes behind a pointer: a guess tells who reads its tags. */
  #addTagsOf(object: Value, owner: number, put: Put): void {
    const { code, stored } = this.#context;
    const { areFound = false } = put;
    for (const { offset, tags, described } of stored.objects.tagsOf(code, object, owner, areFound))
      for (const callee of stored.readersOfField(owner, offset))
        this.#uses.addValues(tags, put.i, { ...callee, described });
  }

  /** The function at hand puts values behind a pointer that it is given or returns. */
  #addSetter(pointer: Setter['pointer'], offset: number, put: Put): void {
    const { fn, stored, targets, worklist } = this.#context;
    const isFar = isFarPointer(pointer);
    const values = put.values.filter(
      value =>
        (value.kind === 'parameter' && !isUpperHalf(value.place)) ||
        (value.kind === 'constant' && (!isFar || looksLikeTag(value.value))),
    );
    const setter = { pointer, offset, values, table: put.table, depth: put.depth, wave: targets.wave };
    if (values.length === 0 || !stored.setters.add(fn.rva, setter)) return;
    if (put.areObjects !== true) stored.wantStores(offset);
    worklist.addCallersNearTags(fn.rva);
  }

  /** Each of the numbers, where a loop counts them. */
  #counted(values: readonly Value[], i: number): readonly Value[] {
    return this.#context.fn.resolver.resolveCount(values, i) ?? values;
  }

  /** What call `i` passes to the function, one of those that it may lead to. */
  #passedTo(functionRva: number, place: Place, i: number): readonly Value[] {
    const { code, fn } = this.#context;
    const passed = this.#counted(fn.withReturned(this.#uses.passedWithLeft(place, i)), i);
    if (passed.length < 2 || !fn.isIndirect(i)) return passed;
    return ofRowsWith(code.image, fn.calledPointers(i), passed, rva => rva === functionRva);
  }

  /** A call of a function that stores a tag behind the pointer it is given or returns. */
  #addSetterCall(
    i: number,
    { pointer, offset, values: set, table, depth }: Setter,
    functionRva: number,
  ): void {
    const { fn } = this.#context;
    const values = set.flatMap(value =>
      value.kind === 'parameter' ? this.#passedTo(functionRva, fn.beforeCall(value.place), i) : [value],
    );
    // A thunk is the function it jumps to, not one more on the way.
    const put = { values, i, table, depth: fn.isJump(i) && fn.isThunk(i) ? depth : depth + 1 };
    if (pointer !== 'result')
      for (const object of fn.passedAt(fn.beforeCall(pointer), i)) this.#putInto(object, offset, put);
    else if (fn.isJump(i)) this.#addSetter('result', offset, put);
    else this.#putInto(resultOf(i), offset, put);
  }
}
