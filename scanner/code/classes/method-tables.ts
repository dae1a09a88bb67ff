/**
 * The tables of functions that a method's own object may have: who calls a method that only tables name found it in one of the tables
 * in which it stands, and the object begins with such a table.
 */
import { MAX_TABLE_BYTES } from '../bytes/data-pointers.ts';
import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import { objectPlacesOf } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { tableEntry } from '../facts/virtual-calls.ts';
import { type Place, placeKey } from '../processors/places.ts';
import type { Value } from '../values/values.ts';

/** Classes that inherit one method; of more it is not asked. */
const MAX_CLASSES = 64;
/** Bytes of code in which two functions are named that are put into one structure side by side. */
const NAMED_WITHIN = 192;

/** Answers for the function at hand. */
export class MethodTables {
  readonly #context: SearchContext;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Whether a place is the beginning of the object that the function at hand is a method of. */
  isOwnTable(place: Place): boolean {
    const { code, fn } = this.#context;
    const key = placeKey(place);
    return objectPlacesOf(code.processor).some(
      object => placeKey({ ...fn.atEntry(object), behind: 0 }) === key,
    );
  }

  /**
   * Where the tables begin in which a function stands that is called by these only, and that have an entry at a distance: undefined for
   * each of which that is not known.
   */
  tablesWith(functionRva: number, at: number): (number | undefined)[] {
    const { code, worklist } = this.#context;
    const slots = worklist.slotsOf(functionRva);
    if (slots.length > MAX_CLASSES) return [];
    const isNamedByCode = (slot: number) =>
      code.index.referencesTo(code.image.pointerAt(slot) ?? 0).length > 0;
    if (slots.some(isNamedByCode)) return [];
    return slots.map(slot => {
      const begin = this.#beginningOf(slot);
      return begin !== undefined && this.#isOneTable(begin, slot, begin + at) ? begin : undefined;
    });
  }

  /**
   * What a call through this pointer may lead to, and how many guesses that takes. Where a method reads it from its own object's table,
   * only functions of the tables in which it stands itself: what other classes have at that distance is never called here.
   */
  callsOf(pointer: Value): { targets: Iterable<number>; guesses: number } {
    const { fn, tables } = this.#context;
    const calls = tables.callsOf(pointer, fn.rva);
    const entry = calls.guesses === 1 ? tableEntry(pointer) : undefined;
    if (entry === undefined || !this.isOwnTable(entry.pointer)) return calls;
    const own = this.#ownFunctionsAt(entry.offset);
    if (own === undefined) return calls;
    return { targets: [...calls.targets].filter(target => own.has(target)), guesses: 1 };
  }

  /** The functions at a distance in the tables of the method at hand; undefined where one is not known. */
  #ownFunctionsAt(at: number): ReadonlySet<number> | undefined {
    const { code, fn } = this.#context;
    const found = new Set<number>();
    for (const table of this.tablesWith(fn.rva, at)) {
      const functionRva = table === undefined ? undefined : relocatedPointerAt(code.image, table + at);
      if (functionRva === undefined) return undefined;
      found.add(functionRva);
    }
    return found.size === 0 ? undefined : found;
  }

  /** Whether a function works on the same kind of object as the function at hand, since both belong to one set of operations. */
  areOfOneKind(functionRva: number): boolean {
    return this.#isBeside(functionRva) || this.#isNamedBeside(functionRva);
  }

  /**
   * Whether a function stands in a table beside the function at hand, with functions alone between both: they are operations of one
   * kind of object, as the one that begins it and the one that ends it.
   */
  #isBeside(functionRva: number): boolean {
    const { fn, worklist } = this.#context;
    const slots = worklist.slotsOf(functionRva);
    const own = worklist.slotsOf(fn.rva);
    if (functionRva === fn.rva || slots.length > MAX_CLASSES || own.length > MAX_CLASSES) return false;
    return own.some(slot =>
      slots.some(
        other =>
          Math.abs(other - slot) < MAX_TABLE_BYTES &&
          this.#isOneTable(Math.min(slot, other), slot, Math.max(slot, other)),
      ),
    );
  }

  /**
   * Whether code names a function just before or behind the function at hand: so a structure of functions is filled that stands in no
   * data (`interface->create = create; interface->get = get`).
   */
  #isNamedBeside(functionRva: number): boolean {
    const { code, fn, worklist } = this.#context;
    const { functions } = code;
    const own = worklist.namesOf(fn.rva);
    const others = worklist.namesOf(functionRva);
    if (functionRva === fn.rva || own.length > MAX_CLASSES || others.length > MAX_CLASSES) return false;
    return own.some(site =>
      others.some(
        other =>
          Math.abs(other - site) <= NAMED_WITHIN &&
          functions.functionAt(other) === functions.functionAt(site),
      ),
    );
  }

  /** Whether a place is where the function at hand is given the object that it is a method of. */
  isOwnObject(place: Place): boolean {
    const { code, fn } = this.#context;
    const key = placeKey(place);
    return objectPlacesOf(code.processor).some(object => placeKey(fn.atEntry(object)) === key);
  }

  /**
   * Objects of the image that the function at hand reads in at a place: variables that begin, before any code has run, with the address
   * of a table in which it stands. A constructor that the compiler computes leaves no store that says so.
   */
  imageObjectsAt(place: Place): number[] {
    const { code, fn, worklist } = this.#context;
    const slots = worklist.slotsOf(fn.rva);
    if (slots.length > MAX_CLASSES || !this.isOwnObject({ ...place, behind: undefined })) return [];
    const isObject = (rva: number) => code.image.sectionAt(rva)?.writable === true && worklist.isNamed(rva);
    return slots.flatMap(slot => this.#pointersToTableOf(slot).filter(isObject));
  }

  /** Where data holds the address of the table that an entry belongs to: the nearest beginning, with functions alone from there on. */
  #pointersToTableOf(slot: number): readonly number[] {
    const { code, worklist } = this.#context;
    const { image } = code;
    for (let at = slot; at > slot - MAX_TABLE_BYTES; at -= image.pointerSize) {
      const target = relocatedPointerAt(image, at);
      if (target === undefined || image.sectionAt(target)?.executable !== true) return [];
      if (worklist.isNamed(at)) return worklist.pointersTo(at);
    }
    return [];
  }

  /** The last address up to a slot that code names. */
  #beginningOf(slot: number): number | undefined {
    const { index } = this.#context.code;
    let beginning: number | undefined;
    let rva = index.nextReference(slot - MAX_TABLE_BYTES, slot + 1);
    for (; rva <= slot; rva = index.nextReference(rva + 1, slot + 1)) beginning = rva;
    return beginning;
  }

  /** Whether both entries are of one table: functions in a row, and nothing that code names between its beginning and them. */
  #isOneTable(begin: number, slot: number, entry: number): boolean {
    const { image, index } = this.#context.code;
    const last = Math.max(slot, entry);
    if (index.nextReference(begin + 1, last + 1) <= last) return false;
    for (let at = begin; at <= last; at += image.pointerSize) {
      const target = relocatedPointerAt(image, at);
      if (target === undefined || image.sectionAt(target)?.executable !== true) return false;
    }
    return true;
  }
}
