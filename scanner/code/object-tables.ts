/** The table of functions that an object was given last: by a store at hand, or by the constructor that it was passed to. */
import { AnalysedFunction } from './analysed-function.ts';
import type { CodeUnderAnalysis } from './code-under-analysis.ts';
import { isSame, parameter } from './make-value.ts';
import { NONE, Op } from './operations.ts';
import { type Place, placeKey, pointerTo } from './places.ts';
import { NO_SLOT } from './stack-slots.ts';
import type { Value } from './values.ts';

/** Constructors call those of their bases; a thunk counts as well. */
const MAX_DEPTH = 4;
/** Constructors read for one image: only objects whose functions return tags ask for them. */
const MAX_READ = 1_000;

/** Objects whose tables are kept in mind; a function makes a few. */
const MAX_GIVEN = 1_000;

/** Something that gives an object a table: a store of its address, or a call of a function that may hold such a store. */
interface Giving {
  rva: number;
  table?: number;
  called?: { functionRva: number; place: Place };
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
  /** The constructor that is read, apart from the function at hand. */
  #read: AnalysedFunction | undefined;
  #operations = 0;

  constructor(code: CodeUnderAnalysis) {
    this.#code = code;
    const { processor } = code;
    const first = processor.argument(1);
    this.objectPlaces = processor.arch === 'x86' ? [processor.fastcallArgument(1), first] : [first];
  }

  /** The work done since this was last asked, in decoded operations. */
  takeWork(): number {
    const taken = this.#operations + (this.#read?.takeWork() ?? 0);
    this.#operations = 0;
    return taken;
  }

  /** Addresses of the tables that call `i` of a function passes at a place: as they are, or in an object that it made. */
  passedAt(fn: AnalysedFunction, place: Place, i: number): number[] {
    const plain = fn.passedAt(place, i).flatMap(value => (value.kind === 'address' ? [value.rva] : []));
    const field = pointerTo(place);
    if (plain.length > 0 || field === undefined) return plain;
    const { rva } = fn.body.operations;
    return fn.passedAt(field.pointer, i).flatMap(object => {
      if (object.kind !== 'result') return [];
      const before = this.#givings(fn, object, field.offset).filter(giving => giving.rva < rva[i]);
      const table = this.#last(before, field.offset, 0);
      return table === undefined ? [] : [table];
    });
  }

  /** Addresses of all the tables that a function gives the object which it has made: those of base classes, too. */
  givenIn(fn: AnalysedFunction, object: Value, offset: number): readonly number[] {
    if (object.kind !== 'result') return [];
    const key = `${fn.rva}:${object.operation}:${offset}`;
    const known = this.#given.get(key);
    if (known !== undefined) return known;
    const tables = this.#givings(fn, object, offset).flatMap(giving => {
      const table = this.#last([giving], offset, 0);
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
      const place = this.objectPlaces.find(at => fn.passedAt(at, i).some(value => isSame(value, object)));
      if (place !== undefined)
        found.push({ rva: rva[i], called: { functionRva: low[i], place: fn.atEntry(place) } });
    }
    return found;
  }

  /** The address that a store gives the object, where it is such a store. */
  #stored(fn: AnalysedFunction, i: number, object: Value, offset: number): number | undefined {
    const { displacement, size, index } = fn.body.operations;
    const isOther = displacement[i] !== offset || index[i] !== NONE || fn.body.slot[i] !== NO_SLOT;
    if (isOther || size[i] < this.#code.processor.pointerSize) return undefined;
    if (!fn.storePointers(i).some(pointer => isSame(pointer, object))) return undefined;
    const { values } = fn.resolver.resolveStored(i, 0);
    return values.length === 1 && values[0].kind === 'address' ? values[0].rva : undefined;
  }

  #last(givings: readonly Giving[], offset: number, depth: number): number | undefined {
    for (const { table, called } of [...givings].sort((a, b) => b.rva - a.rva)) {
      const given =
        called === undefined ? table : this.#leftBy(called.functionRva, called.place, offset, depth);
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
    const table = this.#last(givings, offset, depth + 1);
    this.#known.set(key, table);
    return table;
  }
}
