/** The table of functions that an object was given last: by a store at hand, or by the constructor that it was passed to. */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import type { CodeUnderAnalysis } from '../functions/code-under-analysis.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op } from '../processors/operations.ts';
import { type Place, placeKey, pointerTo } from '../processors/places.ts';
import type { Processor } from '../processors/processor.ts';
import { AnalysedFunction } from '../values/analysed-function.ts';
import { isSame, parameter } from '../values/make-value.ts';
import type { Value } from '../values/values.ts';

/** Constructors call those of their bases; a thunk counts as well. */
const MAX_DEPTH = 4;
/** Constructors read for one image: only objects whose functions return tags ask for them. */
const MAX_READ = 1_000;

/** Objects whose tables are kept in mind; a function makes a few. */
const MAX_GIVEN = 1_000;
/** Calls after an object's allocation of which one may be that of its constructor: memory is cleared, a lock is made. */
const MAX_CALLS_TO_CONSTRUCTOR = 4;

/** Something that gives an object a table: a store of its address, or a call of a function that may hold such a store. */
interface Giving {
  rva: number;
  table?: number;
  /** The table stands so far behind the pointer that is passed. */
  called?: { functionRva: number; place: Place; offset: number };
}

/** How far behind an object's beginning a pointer leads; undefined where it is none to the object. */
function distanceIn(object: Value, pointer: Value): number | undefined {
  if (isSame(pointer, object)) return 0;
  const isPart = pointer.kind === 'inside' && pointer.stride === 0 && isSame(pointer.object, object);
  return isPart ? pointer.plus : undefined;
}

/** Where a method is given its object, just before the call. */
export function objectPlacesOf(processor: Processor): readonly Place[] {
  const first = processor.argument(1);
  return processor.arch === 'x86' ? [processor.fastcallArgument(1), first] : [first];
}

/** Answers for the function at hand; what constructors leave is kept. */
export class ObjectTables {
  readonly #code: CodeUnderAnalysis;
  /** Where a method is given its object, just before the call. */
  readonly objectPlaces: readonly Place[];
  /** By constructor, place of its object and distance. */
  readonly #known = new Map<string, number | undefined>();
  /** By function, call that returned the object, and distance: every store to the object asks. */
  readonly #given = new Map<string, readonly number[]>();
  readonly #beginnings = new Map<string, number | undefined>();
  /** The constructor that is read, apart from the function at hand. */
  #read: AnalysedFunction | undefined;
  #operations = 0;

  constructor(code: CodeUnderAnalysis) {
    this.#code = code;
    this.objectPlaces = objectPlacesOf(code.processor);
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const taken = this.#operations + (this.#read?.takeWork() ?? 0);
    this.#operations = 0;
    return taken;
  }

  /** Addresses of the tables that call `i` of a function passes at a place: as they are, or in an object that it made. */
  passedAt(fn: AnalysedFunction, place: Place, i: number): number[] {
    const plain = fn.passedAt(place, i).flatMap(value => {
      if (value.kind === 'address') return [value.rva];
      return value.kind === 'memory' && value.plus === 0 ? this.#tableOfImageObject(value.rva) : [];
    });
    const field = pointerTo(place);
    if (plain.length > 0 || field === undefined) return plain;
    const { rva } = fn.body.operations;
    return fn.passedAt(field.pointer, i).flatMap(object => {
      if (object.kind !== 'result') return [];
      const before = this.#givings(fn, object, field.offset).filter(giving => giving.rva < rva[i]);
      const table = this.#last(before, 0);
      return table === undefined ? [] : [table];
    });
  }

  /** The table that an object of the image begins with before any code has run: its compiler has computed the constructor. */
  #tableOfImageObject(rva: number): number[] {
    const { image } = this.#code;
    const table = relocatedPointerAt(image, rva);
    const isTable =
      table !== undefined &&
      image.sectionAt(table)?.writable === false &&
      relocatedPointerAt(image, table) !== undefined;
    return isTable ? [table] : [];
  }

  /** Addresses of all the tables that a function gives the object which it has made: those of base classes, too. */
  givenIn(fn: AnalysedFunction, object: Value, offset: number): readonly number[] {
    if (object.kind !== 'result') return [];
    const key = `${fn.rva}:${object.operation}:${offset}`;
    const known = this.#given.get(key);
    if (known !== undefined) return known;
    const tables = this.#givings(fn, object, offset).flatMap(giving => {
      const table = this.#last([giving], 0);
      return table === undefined ? [] : [table];
    });
    if (this.#given.size >= MAX_GIVEN) this.#given.clear();
    this.#given.set(key, tables);
    return tables;
  }

  /**
   * Address of the table that a function stores last at the beginning of the object which it is passed at a place: its own class's,
   * since constructors of bases are called before.
   */
  lastStored(fn: AnalysedFunction, place: Place): number | undefined {
    const { op, rva, count } = fn.body.operations;
    const object = parameter(place);
    let last: { rva: number; table: number } | undefined;
    for (let i = 0; i < count; i++) {
      if (op[i] !== Op.store || rva[i] < (last?.rva ?? 0)) continue;
      const table = this.#stored(fn, i, object, 0);
      if (table !== undefined) last = { rva: rva[i], table };
    }
    return last?.table;
  }

  /**
   * How far behind what a call returned the object begins: where its first table of functions is put. Allocators that keep a header
   * are often a part of the function that makes the object. Undefined where nothing is put there.
   */
  beginningIn(fn: AnalysedFunction, object: Value): number | undefined {
    if (object.kind !== 'result') return undefined;
    const key = `${fn.rva}:${object.operation}`;
    if (this.#beginnings.has(key)) return this.#beginnings.get(key);
    const distances = this.#distancesOfTables(fn, object, object.operation);
    const first = distances.length === 0 ? undefined : Math.min(...distances);
    // A structure may keep a table of operations anywhere: an object is where a pointer to its table goes on to others.
    const begin = first === undefined || first === 0 || this.#goesOn(fn, object, first) ? first : undefined;
    if (this.#beginnings.size >= MAX_GIVEN) this.#beginnings.clear();
    this.#beginnings.set(key, begin);
    return begin;
  }

  /** Whether a pointer so far behind the object's beginning is kept, passed or returned. */
  #goesOn(fn: AnalysedFunction, object: Value, distance: number): boolean {
    const { op, source, size, count } = fn.body.operations;
    const { pointerSize, resultRegister } = this.#code.processor;
    const isIt = (value: Value) => distanceIn(object, value) === distance;
    for (let i = 0; i < count; i++) {
      const isKept = op[i] === Op.store && size[i] === pointerSize && source[i] !== NONE;
      if (isKept && fn.storedPointers(i, 0).some(isIt)) return true;
      const isCall = op[i] === Op.call || op[i] === Op.callIndirect;
      if (isCall && this.objectPlaces.some(place => fn.passedAt(place, i).some(isIt))) return true;
      const isReturn = op[i] === Op.return;
      if (isReturn && fn.resolver.resolve({ register: resultRegister }, i).values.some(isIt)) return true;
    }
    return false;
  }

  /** Where the function, or one of the first that it calls then, puts tables into what call `made` returned. */
  #distancesOfTables(fn: AnalysedFunction, object: Value, made: number): number[] {
    const { op, low, displacement, size, count } = fn.body.operations;
    const found: number[] = [];
    let calls = 0;
    for (let i = made + 1; i < count; i++) {
      const isCall = op[i] === Op.call && this.#code.functions.functionAt(low[i]) === low[i];
      if (isCall && calls++ < MAX_CALLS_TO_CONSTRUCTOR) {
        const passed = this.#passed(fn, i, object);
        if (passed !== undefined && this.#leftBy(low[i], passed.place, 0, 0) !== undefined)
          found.push(passed.distance);
      }
      const mayBeTable = op[i] === Op.store && size[i] >= this.#code.processor.pointerSize;
      if (!mayBeTable || displacement[i] < 0) continue;
      for (const pointer of fn.storePointers(i)) {
        const distance = distanceIn(object, pointer);
        if (distance === undefined || !this.#isTable(fn, i, object, distance + displacement[i])) continue;
        found.push(distance + displacement[i]);
      }
    }
    return found;
  }

  /** Whether the store puts the address of functions there. */
  #isTable(fn: AnalysedFunction, i: number, object: Value, offset: number): boolean {
    const { image } = this.#code;
    const table = this.#stored(fn, i, object, offset);
    const first = table === undefined ? undefined : relocatedPointerAt(image, table);
    return first !== undefined && image.sectionAt(first)?.executable === true;
  }

  /** What gives the object a table, in any order. */
  #givings(fn: AnalysedFunction, object: Value, offset: number): Giving[] {
    const { op, rva, low, count } = fn.body.operations;
    const found: Giving[] = [];
    for (let i = 0; i < count; i++) {
      if (op[i] === Op.store) {
        const table = this.#stored(fn, i, object, offset);
        if (table !== undefined) found.push({ rva: rva[i], table });
      }
      const isCall = op[i] === Op.call || (op[i] === Op.jump && !fn.body.contains(low[i]));
      if (!isCall) continue;
      const passed = this.#passed(fn, i, object);
      if (passed === undefined || passed.distance > offset) continue;
      const called = { functionRva: low[i], place: passed.place, offset: offset - passed.distance };
      found.push({ rva: rva[i], called });
    }
    return found;
  }

  /** Where call `i` passes the object to what may be a method of it, and how far in. */
  #passed(fn: AnalysedFunction, i: number, object: Value): { place: Place; distance: number } | undefined {
    for (const at of this.objectPlaces)
      for (const value of fn.passedAt(at, i)) {
        const distance = distanceIn(object, value);
        if (distance !== undefined) return { place: fn.atEntry(at), distance };
      }
    return undefined;
  }

  /** The address that a store gives the object, where it is such a store. */
  #stored(fn: AnalysedFunction, i: number, object: Value, offset: number): number | undefined {
    const { displacement, size, index } = fn.body.operations;
    const isOther = displacement[i] > offset || index[i] !== NONE || fn.body.slot[i] !== NO_SLOT;
    if (isOther || size[i] < this.#code.processor.pointerSize) return undefined;
    const inside = offset - displacement[i];
    if (!fn.storePointers(i).some(pointer => distanceIn(object, pointer) === inside)) return undefined;
    const { values } = fn.resolver.resolveStored(i, 0);
    return values.length === 1 && values[0].kind === 'address' ? values[0].rva : undefined;
  }

  #last(givings: readonly Giving[], depth: number): number | undefined {
    for (const { table, called } of [...givings].sort((a, b) => b.rva - a.rva)) {
      const given =
        called === undefined ? table : this.#leftBy(called.functionRva, called.place, called.offset, depth);
      if (given !== undefined) return given;
    }
    return undefined;
  }

  /** The table that a function leaves in the object which it is passed. */
  #leftBy(functionRva: number, place: Place, offset: number, depth: number): number | undefined {
    const key = `${functionRva}:${placeKey(place)}:${offset}`;
    if (this.#known.has(key)) return this.#known.get(key);
    if (depth >= MAX_DEPTH || this.#known.size >= MAX_READ) return undefined;
    this.#known.set(key, undefined); // ends functions that call each other
    // Only a function's own start can be read: a target inside another function is a misreading.
    if (this.#code.functions.functionAt(functionRva) !== functionRva) return undefined;
    this.#read ??= new AnalysedFunction(this.#code);
    this.#operations += this.#read.decode(functionRva);
    const givings = this.#givings(this.#read, parameter(place), offset);
    // The body is free again, so what the function calls can be read now.
    const table = this.#last(givings, depth + 1);
    this.#known.set(key, table);
    return table;
  }
}
