/**
 * Which class's functions a virtual call leads to, where the function at hand makes the object, or another one has made it and kept
 * it: the object's table tells. What stands in another class's object at the distance of this one's tag is no tag.
 */
import { MAX_TABLE_BYTES } from '../bytes/data-pointers.ts';
import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import type { Callee, VirtualCall } from '../facts/callee.ts';
import type { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { type Place, pointerTo } from '../processors/places.ts';
import type { Value } from '../values/values.ts';

/** Classes that inherit one function; of more it is not asked, since every store into an object would look at all of them. */
const MAX_CLASSES = 64;

/** Answers for the function at hand, each of them the callee with what its virtual call leads to, as far as that is known. */
export class CalledClasses {
  readonly #context: SearchContext;
  readonly #tables: ObjectTables;

  constructor(context: SearchContext, tables: ObjectTables) {
    this.#context = context;
    this.#tables = tables;
  }

  /** Of call `i`, by the objects that it passes. */
  ofCall(callee: Callee, i: number): Callee {
    const { virtual, place } = callee;
    if (virtual === undefined) return callee;
    const tag = pointerTo(place);
    if (tag === undefined) return { ...callee, called: undefined };
    const objects = this.#context.fn.passedAt(tag.pointer, i);
    return { ...callee, called: this.#functionsOf(virtual, objects, tag.offset) };
  }

  /** Of an object with its tag at `offset` that is kept for others. */
  ofObject(callee: Callee, object: Value, offset: number): Callee {
    if (callee.virtual === undefined) return callee;
    return { ...callee, called: this.#functionsOf(callee.virtual, [object], offset) };
  }

  /** Of an object that another function has made, with this table at its beginning. */
  ofTable(callee: Callee, table: number | undefined, offset: number): Callee {
    const { virtual, called } = callee;
    if (table === undefined || called !== undefined || virtual?.before !== offset) return callee;
    const functionRva = relocatedPointerAt(this.#context.code.image, table + virtual.at);
    return functionRva === undefined ? callee : { ...callee, called: [functionRva] };
  }

  /** Address of the one table at the beginning of an object that the function at hand has made. */
  tableOf(object: Value): number | undefined {
    const tables = this.#tables.givenIn(this.#context.fn, object, 0);
    return tables.length === 1 ? tables[0] : undefined;
  }

  /** The same where the function at hand is the constructor, which is passed the object at a place. */
  tableOfPassed(place: Place): number | undefined {
    return place.behind === undefined ? this.#tables.lastStored(this.#context.fn, place) : undefined;
  }

  /**
   * Whether a function stands in a table of functions that the object has at its beginning: one that nobody calls and that stands in
   * other classes' tables only is never given this object. Undefined where that is not known.
   */
  isMethodOf(functionRva: number, object: Value, table: number | undefined, begin = 0): boolean | undefined {
    const { code, fn, worklist } = this.#context;
    const given = this.#tables.givenIn(fn, object, begin);
    const tables = given.length > 0 || table === undefined ? given : [table];
    const slots = tables.length === 0 ? [] : worklist.slotsOf(functionRva);
    if (tables.length === 0 || slots.length > MAX_CLASSES) return undefined;
    const { index } = code;
    const isIn = (slot: number, begin: number) =>
      slot >= begin && slot - begin < MAX_TABLE_BYTES && index.nextReference(begin + 1, slot + 1) > slot;
    return tables.some(begin => slots.some(slot => isIn(slot, begin)));
  }

  /** How far behind what a call returned the object begins that the function at hand makes of it: see ObjectTables. */
  beginningOf(object: Value): number | undefined {
    return this.#tables.beginningIn(this.#context.fn, object);
  }

  /** The functions to which the objects' tables lead, those of base classes as well; undefined where one is not known. */
  #functionsOf(virtual: VirtualCall, objects: readonly Value[], offset: number): number[] | undefined {
    if (virtual.isOpen) return undefined;
    const { code, fn } = this.#context;
    const found: number[] = [];
    for (const object of objects) {
      if (object.kind === 'constant') continue; // a null pointer calls nothing
      const tables = this.#tables.givenIn(fn, object, offset - virtual.before);
      if (tables.length === 0) return undefined;
      for (const table of tables) {
        const functionRva = relocatedPointerAt(code.image, table + virtual.at);
        if (functionRva === undefined) return undefined;
        found.push(functionRva);
      }
    }
    return found.length === 0 ? undefined : found;
  }
}
