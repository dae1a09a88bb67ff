/**
 * Calls through tables of operations that code reaches by an object or a parameter (`pool->operations->allocate`, C++
 * virtual functions). Objects are told apart only by the distances of their fields, so what is found here is a guess
 * until a constant that reads like a tag stands at the very argument; see `guesses` in sinks.ts.
 */
import type { CodeIndex } from '../bytes/code-index.ts';
import type { DataPointers } from '../bytes/data-pointers.ts';
import { MAX_TABLE_BYTES } from '../bytes/data-pointers.ts';
import { type Place, placeKey } from '../processors/places.ts';
import type { Value } from '../values/values.ts';

/** Tables looked at in one image; real ones number in the hundreds. */
const MAX_TABLES = 5_000;

/** Addresses named before a pointer that may be the start of its table: the nearest ones. */
const MAX_STARTS = 4;

/** A distance at which more tables hold a function that takes a tag tells of none which one an object keeps. */
const MAX_TABLES_AT_A_DISTANCE = 16;

const NO_CALLS = { targets: [], guesses: 1 };

/** What is known of the functions of an image that take a tag and whose addresses are kept in data or in objects. */
export class OperationsTables {
  readonly #index: CodeIndex;
  readonly #pointers: DataPointers;
  readonly #pointerSize: number;
  /** By address of the table: functions by distance. */
  readonly #tables = new Map<number, Map<number, number>>();
  /** By distance: functions that tables hold there, and functions stored into objects there. */
  readonly #inTables = new Map<number, Set<number>>();
  readonly #inObjects = new Map<number, Set<number>>();
  /** Tables, and variables of functions, whose address was stored into objects, by distance; tables into variables, by RVA. */
  readonly #tablesInObjects = new Map<number, Set<number>>();
  readonly #tablesInVariables = new Map<number, Set<number>>();
  /** By distance: tables that hold a function there. */
  readonly #tablesWith = new Map<number, Set<number>>();
  /** The tables of which it is known where their address is kept: how far behind objects at most, 0 for variables. */
  readonly #kept = new Map<number, number>();
  /** By RVA: functions stored into variables. */
  readonly #inVariables = new Map<number, Set<number>>();
  /** Addresses of structures that such variables may be part of, and those that nobody has asked for yet. */
  readonly #structures = new Set<number>();
  readonly #wantedStructures: number[] = [];
  /** Functions that are passed any, and what, by function and place. */
  readonly #receivers = new Set<number>();
  readonly #passed = new Map<string, Set<number>>();
  /** Distances at which calls are worth looking at since this was last asked. */
  #wantedCalls = new Set<number>();

  constructor(index: CodeIndex, pointers: DataPointers, pointerSize: number) {
    this.#index = index;
    this.#pointers = pointers;
    this.#pointerSize = pointerSize;
  }

  takeWantedCalls(): Set<number> {
    const wanted = this.#wantedCalls;
    this.#wantedCalls = new Set();
    return wanted;
  }

  /** A function that takes a tag: every table that holds its address is one of operations. */
  addFunction(functionRva: number): void {
    for (const slotRva of this.#pointers.slotsOf(functionRva)) {
      const starts = this.#startsOf(slotRva);
      for (const tableRva of starts) {
        if (this.#tables.size >= MAX_TABLES) return;
        const distance = slotRva - tableRva;
        const table = this.#tables.get(tableRva) ?? new Map<number, number>();
        this.#tables.set(tableRva, table.set(distance, functionRva));
        // Tables stand side by side: only the nearest start tells a distance that may be guessed with.
        if (tableRva !== starts[0]) continue;
        this.#note(this.#inTables, distance, functionRva, distance);
        add(this.#tablesWith, distance, tableRva);
        if (this.#pointers.isOfObject(tableRva)) this.#note(this.#tablesInObjects, 0, tableRva, distance);
      }
    }
  }

  /** Whether a table, or a structure with functions in it, begins here. */
  isTable(rva: number): boolean {
    return this.#tables.has(rva) || this.#structures.has(rva);
  }

  /** A function is stored in a variable that may be a part of structures of the image; `starts` are their addresses. */
  functionInVariable(variableRva: number, functionRva: number, starts: Iterable<number>): void {
    if (this.#structures.size >= MAX_TABLES || !add(this.#inVariables, variableRva, functionRva)) return;
    for (const start of starts) {
      this.#structures.add(start);
      this.#wantedCalls.add(variableRva - start);
      this.#wantedStructures.push(start);
    }
  }

  /** Structures that were found since this was last asked: code that names them may pass them on. */
  takeStructures(): number[] {
    return this.#wantedStructures.splice(0);
  }

  /** A function, or the address of a table or of a variable of functions, is stored `distance` bytes behind an object that is not known. */
  storedInObject(distance: number, rva: number): void {
    const table = this.#tables.get(rva);
    if (table !== undefined) {
      this.#kept.set(rva, Math.max(distance, this.#kept.get(rva) ?? 0));
      for (const at of table.keys()) {
        this.#note(this.#tablesInObjects, distance, rva, at);
        // The table of virtual functions of an object within this one: its own pointer leads to it.
        this.#note(this.#tablesInObjects, 0, rva, at);
      }
    } else if (this.#structures.has(rva)) {
      // Calls at its distances have been asked for since functions were stored in it.
      add(this.#tablesInObjects, distance, rva);
    } else this.#note(this.#inObjects, distance, rva, distance);
  }

  /** The address of a table is stored in a variable. True where that is new. */
  storedInVariable(variableRva: number, tableRva: number): boolean {
    if (!this.#tables.has(tableRva)) return false;
    if (!this.#kept.has(tableRva)) this.#kept.set(tableRva, 0);
    return add(this.#tablesInVariables, variableRva, tableRva);
  }

  /**
   * A function, or the address of a table, is passed to a function of the image: as a parameter, or behind one, in a structure in the
   * caller's frame. True where that is new.
   */
  passed(calleeRva: number, place: Place, rva: number): boolean {
    this.#receivers.add(calleeRva);
    return add(this.#passed, `${calleeRva}:${placeKey(place)}`, rva);
  }

  isGivenTo(functionRva: number): boolean {
    return this.#receivers.has(functionRva);
  }

  /** What a function was passed as this very parameter, and passes on: a thunk passes on everything. */
  passedOn({ place }: Extract<Value, { kind: 'parameter' }>, inFunction: number): Iterable<number> {
    return place.behind === undefined ? (this.#passed.get(`${inFunction}:${placeKey(place)}`) ?? []) : [];
  }

  /** The functions that a parameter of a function is for certain: they, or a table of them, were passed to it. */
  passedTo(value: Value, inFunction: number): Iterable<number> {
    if (value.kind !== 'parameter') return [];
    const { behind, ...place } = value.place;
    const passed = this.#passed.get(`${inFunction}:${placeKey(place as Place)}`);
    return behind === undefined ? (passed ?? []) : this.#inThese(passed, behind);
  }

  /** Functions in a structure that was passed to a function: what else has stood there in the caller's frame is not known. */
  passedInStructure(value: Value, inFunction: number): Iterable<number> {
    const isBehind = value.kind === 'parameter' && value.place.behind !== undefined;
    return isBehind ? (this.#passed.get(`${inFunction}:${placeKey(value.place)}`) ?? []) : [];
  }

  /** Whether the pointer is read from a table that was seen to be put into the variable through which it is reached. */
  isOfKeptTable(value: Value): boolean {
    return (
      value.kind === 'behind' &&
      this.#inThese(this.#tablesInVariables.get(value.rva), value.offset).length > 0
    );
  }

  /** The functions that tables hold at a distance, and objects: a parameter may lead to either. */
  #atDistance(distance: number): Iterable<number> {
    const inTables = this.#inTables.get(distance);
    const inObjects = this.#inObjects.get(distance);
    if (inTables === undefined || inObjects === undefined) return inTables ?? inObjects ?? [];
    return new Set([...inTables, ...inObjects]);
  }

  /** The functions that a call through this pointer, in this function of the image, may lead to by a guess. */
  #guessedBy(value: Value): Iterable<number> {
    switch (value.kind) {
      case 'parameter': {
        const { behind } = value.place;
        return behind === undefined ? [] : this.#atDistance(behind);
      }
      case 'behind': {
        const known = this.#inThese(this.#tablesInVariables.get(value.rva), value.offset);
        return known.length > 0 ? known : (this.#inObjects.get(value.offset) ?? []);
      }
      case 'field': {
        const tables = value.owner === undefined ? undefined : this.#tablesInObjects.get(value.owner);
        return [...this.#inThese(tables, value.offset), ...(this.#inObjects.get(value.offset) ?? [])];
      }
    }
    return [];
  }

  /** What a call through this pointer may lead to, and how many guesses that takes: none where the very table was passed. */
  callsOf(value: Value, inFunction: number): { targets: Iterable<number>; guesses: number } {
    const isOfObject = value.kind === 'parameter' || value.kind === 'behind' || value.kind === 'field';
    if (!isOfObject) return NO_CALLS;
    const passed = [...this.passedTo(value, inFunction)];
    if (passed.length > 0) return { targets: passed, guesses: 0 };
    const isStored = 'offset' in value && this.#inObjects.has(value.offset);
    const kept = isStored ? [] : this.#keptTable(value, rva => !this.#kept.has(rva));
    if (kept.length > 0) return { targets: kept, guesses: 2 };
    return { targets: this.#guessedBy(value), guesses: 1 };
  }

  /**
   * What a call by a field's table may lead to besides, by two guesses and no witness: a table whose address is kept further on in an
   * object, which this one may be a part of (`job->scan.engine = &engine; open(&job->scan)`), or any of which nobody was seen to keep the
   * address, since that other objects have a function of their own at the distance says nothing of this one's table.
   */
  openCallsOf(value: Value): readonly number[] {
    if (value.kind !== 'field') return [];
    const isStored = this.#inObjects.has(value.offset);
    const within = value.owner ?? Number.POSITIVE_INFINITY;
    return this.#keptTable(value, rva => (this.#kept.get(rva) ?? (isStored ? within + 1 : 0)) > within);
  }

  /**
   * The table is read from an object that somebody else filled, with what he was given himself (`client->dispatch->allocate`):
   * any of those that may be kept there.
   */
  #keptTable(value: Value, mayBe: (tableRva: number) => boolean): number[] {
    if (value.kind !== 'field' && value.kind !== 'behind') return [];
    const isKnown =
      value.kind === 'behind'
        ? this.#tablesInVariables.has(value.rva)
        : !value.owner || this.#tablesInObjects.has(value.owner);
    const tables = this.#tablesWith.get(value.offset);
    const isAny = tables === undefined || tables.size > MAX_TABLES_AT_A_DISTANCE;
    return isKnown || isAny ? [] : this.#inThese(new Set([...tables].filter(mayBe)), value.offset);
  }

  #inThese(tables: ReadonlySet<number> | undefined, distance: number): number[] {
    const found: number[] = [];
    for (const table of tables ?? []) {
      const functionRva = this.#tables.get(table)?.get(distance);
      if (functionRva !== undefined) found.push(functionRva);
      found.push(...(this.#inVariables.get(table + distance) ?? []));
    }
    return found;
  }

  /** Where a table that holds this slot may begin: addresses that code or data names, shortly before it. */
  #startsOf(slotRva: number): number[] {
    const starts: number[] = [];
    const low = slotRva - MAX_TABLE_BYTES;
    for (
      let rva = this.#index.nextReference(low, slotRva + 1);
      rva <= slotRva;
      rva = this.#index.nextReference(rva + 1, slotRva + 1)
    ) {
      if ((slotRva - rva) % this.#pointerSize === 0) starts.push(rva);
    }
    for (
      let rva = slotRva - (MAX_TABLE_BYTES - this.#pointerSize);
      rva <= slotRva;
      rva += this.#pointerSize
    ) {
      if (!starts.includes(rva) && this.#pointers.slotsOf(rva).length > 0) starts.push(rva);
    }
    return starts.sort((a, b) => b - a).slice(0, MAX_STARTS);
  }

  #note(map: Map<number, Set<number>>, distance: number, rva: number, callDistance: number): void {
    if (add(map, distance, rva)) this.#wantedCalls.add(callDistance);
  }
}

function add<K>(map: Map<K, Set<number>>, key: K, value: number): boolean {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else if (known.has(value)) return false;
  else known.add(value);
  return true;
}
