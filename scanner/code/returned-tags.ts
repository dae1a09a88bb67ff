/**
 * Tags that a function returns which is called through a table: `this->table[n]()`. Which function it is follows from the
 * table that the object was given last, in the function that made it or in a constructor that this calls.
 */
import { MAX_TABLE_BYTES } from './data-pointers.ts';
import type { ObjectTables } from './object-tables.ts';
import { type Place, placeKey } from './places.ts';
import type { SearchContext } from './search-context.ts';
import { looksLikeTag, relocatedPointerAt } from './static-memory.ts';
import type { Value } from './values.ts';
import { tableEntry } from './virtual-calls.ts';

/** Classes that inherit one method; of more it is not asked. */
const MAX_CLASSES = 64;

/** Where a function leaves what tells the tag: its table's address stands at `place`, and it `returnedAt` bytes in. */
export interface TableEntry {
  place: Place;
  returnedAt: number;
}

/** Answers for the function at hand. */
export class ReturnedTags {
  readonly #context: SearchContext;
  readonly #tables: ObjectTables;

  constructor(context: SearchContext, tables: ObjectTables) {
    this.#context = context;
    this.#tables = tables;
  }

  /** The entries of passed tables that gave these values by indirect calls. */
  entriesOf(values: readonly Value[]): TableEntry[] {
    const { fn } = this.#context;
    const entries: TableEntry[] = [];
    for (const value of values) {
      if (value.kind === 'result' && fn.isIndirect(value.operation))
        entries.push(...fn.calledPointers(value.operation).flatMap(entryOf));
    }
    return entries;
  }

  /** The tags that the entry's function returns, where call `i` passes a table that is known. */
  tagsOf({ place, returnedAt }: TableEntry, i: number): Value[] {
    return this.#tables
      .passedAt(this.#context.fn, place, i)
      .flatMap(table => this.#returnedBy(table, returnedAt));
  }

  /**
   * The tags that the entry's function returns, where the function at hand is a method and the entry its own object's: who calls it
   * found it in one of the tables that it stands in, so the object begins with such a table.
   */
  ofMethod({ place, returnedAt }: TableEntry): Value[] {
    const { fn } = this.#context;
    const isOwn = this.#tables.objectPlaces.some(
      object => placeKey({ ...fn.atEntry(object), behind: 0 }) === placeKey(place),
    );
    if (!isOwn) return [];
    const tables = this.#tablesWith(fn.rva).filter(({ begin, slot }) =>
      this.#isOneTable(begin, slot, begin + returnedAt),
    );
    return tables.flatMap(({ begin }) => this.#returnedBy(begin, returnedAt));
  }

  #returnedBy(table: number, returnedAt: number): Value[] {
    const { code, fn } = this.#context;
    const functionRva = relocatedPointerAt(code.image, table + returnedAt);
    if (functionRva === undefined) return [];
    return fn.returnedBy(functionRva).filter(value => value.kind === 'constant' && looksLikeTag(value.value));
  }

  /** Where the tables begin in which a function stands that is called by these only. */
  #tablesWith(functionRva: number): { begin: number; slot: number }[] {
    const { code, worklist } = this.#context;
    const slots = worklist.slotsOf(functionRva);
    if (slots.length > MAX_CLASSES) return [];
    const isNamedByCode = (slot: number) =>
      code.index.referencesTo(code.image.pointerAt(slot) ?? 0).length > 0;
    if (slots.some(isNamedByCode)) return [];
    return slots.flatMap(slot => this.#beginningOf(slot).map(begin => ({ begin, slot })));
  }

  /** The last address up to a slot that code names. */
  #beginningOf(slot: number): number[] {
    const { index } = this.#context.code;
    let beginning: number | undefined;
    let rva = index.nextReference(slot - MAX_TABLE_BYTES, slot + 1);
    for (; rva <= slot; rva = index.nextReference(rva + 1, slot + 1)) beginning = rva;
    return beginning === undefined ? [] : [beginning];
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

function entryOf(pointer: Value): TableEntry[] {
  const found = tableEntry(pointer);
  return found === undefined ? [] : [{ place: found.pointer, returnedAt: found.offset }];
}
