/**
 * Which classes' objects a function is given, where all who call it pass what they have made, or what others have made and kept in a
 * variable: a call by the object's table leads to functions of these classes only. Asked when the search is over, for guesses.
 */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import type { Callee } from '../facts/callee.ts';
import type { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { tableEntry } from '../facts/virtual-calls.ts';
import { nearAddress } from '../functions/near-address.ts';
import { Op } from '../processors/operations.ts';
import { type Place, placeKey, pointerTo } from '../processors/places.ts';
import { AnalysedFunction } from '../values/analysed-function.ts';
import type { Value } from '../values/values.ts';

/** Functions that call the function, or that name the variable; of more it is not asked. */
const MAX_FUNCTIONS = 8;
/** Operations decoded for one image: a function of a few callers takes some hundreds. */
const MAX_OPERATIONS = 20_000;

/** Tables of functions that objects have, and variables that hold such objects. */
interface Given {
  tables: Set<number>;
  variables: Set<number>;
}

/** What is found is kept, for one function has several calls. */
export class PassedClasses {
  readonly #context: SearchContext;
  readonly #objects: ObjectTables;
  readonly #known = new Map<string, ReadonlySet<number> | undefined>();
  #read: AnalysedFunction | undefined;
  #operationsLeft = MAX_OPERATIONS;

  constructor(context: SearchContext, objects: ObjectTables) {
    this.#context = context;
    this.#objects = objects;
  }

  /** Whether none of the objects that the function is given has a table with one of the functions that were guessed. */
  isOfOtherClass({ guessedCall }: Callee): boolean {
    if (guessedCall === undefined) return false;
    const { functionRva, pointer } = guessedCall;
    const entry = tableEntry(pointer);
    const table = entry === undefined ? undefined : pointerTo(entry.pointer);
    if (entry === undefined || table === undefined || table.pointer.behind !== undefined) return false;
    const tables = this.#tablesGiven(functionRva, table.pointer, table.offset);
    if (tables === undefined) return false;
    const calls = this.#context.tables;
    const guessed = new Set([...calls.callsOf(pointer, functionRva).targets, ...calls.openCallsOf(pointer)]);
    return [...tables].every(rva => {
      const target = relocatedPointerAt(this.#context.code.image, rva + entry.offset);
      return target !== undefined && !guessed.has(target);
    });
  }

  /** The tables, `offset` bytes into the objects that are passed at a place; undefined where one is not known. */
  #tablesGiven(functionRva: number, place: Place, offset: number): ReadonlySet<number> | undefined {
    const key = `${functionRva}:${placeKey(place)}:${offset}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#find(functionRva, place, offset));
    return this.#known.get(key);
  }

  #find(functionRva: number, place: Place, offset: number): ReadonlySet<number> | undefined {
    const given: Given = { tables: new Set(), variables: new Set() };
    const entries = new Set([functionRva]);
    const callers = this.#callersOf(entries);
    const arePassedKnown = this.#every(callers, (fn, i) => {
      const { op, low } = fn.body.operations;
      const isCall = op[i] === Op.call || op[i] === Op.jump || op[i] === Op.branch;
      if (!isCall || !entries.has(low[i])) return true;
      return this.#addObjects(fn, fn.passedAt(fn.beforeCall(place), i), offset, given);
    });
    if (!arePassedKnown) return undefined;
    for (const rva of given.variables) if (!this.#addKept(rva, offset, given)) return undefined;
    return given.tables.size === 0 ? undefined : given.tables;
  }

  /** The functions that call one of the entries, to which thunks are added; undefined where there may be others. */
  #callersOf(entries: Set<number>): Set<number> | undefined {
    const { code, worklist } = this.#context;
    const callers = new Set<number>();
    for (const entry of entries) {
      if (worklist.isNamed(entry)) return undefined;
      for (const rva of code.index.callersOf(entry)) {
        const caller = code.functions.functionAt(rva);
        if (caller === undefined || entries.size + callers.size > MAX_FUNCTIONS) return undefined;
        if (caller === rva) entries.add(rva);
        else callers.add(caller);
      }
    }
    return callers;
  }

  /** Adds the tables of the objects that functions keep in a variable; false where one is not known. */
  #addKept(variableRva: number, offset: number, given: Given): boolean {
    const { code, worklist } = this.#context;
    const { index, functions, processor } = code;
    // Somebody may fill it by its address.
    if (worklist.isPointedAt(variableRva)) return false;
    const naming = new Set(index.referencesTo(variableRva).map(rva => functions.functionAt(rva)));
    const known = given.tables.size;
    let isKept = false;
    const areKeptKnown = this.#every(naming, (fn, i) => {
      const { op, size } = fn.body.operations;
      if (op[i] !== Op.store || nearAddress(fn.body, i) !== variableRva) return true;
      if (size[i] !== processor.pointerSize) return false;
      isKept = true;
      const kept: Given = { tables: given.tables, variables: new Set() };
      return (
        this.#addObjects(fn, fn.resolver.resolveStored(i, 0).values, offset, kept) &&
        kept.variables.size === 0
      );
    });
    return areKeptKnown && isKept && (given.tables.size > known || known > 0);
  }

  /** Adds the tables of objects that the function has made, and the variables of others; false where one is not known. */
  #addObjects(
    fn: AnalysedFunction,
    values: readonly Value[],
    offset: number,
    { tables, variables }: Given,
  ): boolean {
    return values.every(value => {
      if (value.kind === 'constant') return value.value === 0; // a null pointer calls nothing
      if (value.kind === 'memory' && value.plus === 0) {
        variables.add(value.rva);
        return true;
      }
      const found = this.#objects.givenIn(fn, value, offset);
      for (const table of found) tables.add(table);
      return found.length > 0;
    });
  }

  /** Whether something holds for every operation of the functions; false where they are not known, too many or too long. */
  #every(
    functions: ReadonlySet<number | undefined> | undefined,
    holds: (fn: AnalysedFunction, i: number) => boolean,
  ): boolean {
    if (functions === undefined || functions.size === 0 || functions.size > MAX_FUNCTIONS) return false;
    this.#read ??= new AnalysedFunction(this.#context.code);
    for (const rva of functions) {
      if (rva === undefined || this.#operationsLeft <= 0) return false;
      this.#operationsLeft -= this.#read.decode(rva);
      for (let i = 0; i < this.#read.body.operations.count; i++) if (!holds(this.#read, i)) return false;
      this.#operationsLeft -= this.#read.takeWork() + this.#objects.takeWork();
    }
    return true;
  }
}
