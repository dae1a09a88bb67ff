/**
 * Tags that a function returns which is called through a table: `this->table[n]()`. Which function it is follows from the
 * table that the object was given last, in the function that made it or in a constructor that this calls.
 */

import { relocatedPointerAt } from '../bytes/relocated-pointers.ts';
import { looksLikeTag } from '../bytes/tag-characters.ts';
import { MethodTables } from '../classes/method-tables.ts';
import type { ObjectTables } from '../facts/object-tables.ts';
import type { SearchContext } from '../facts/search-context.ts';
import { tableEntry } from '../facts/virtual-calls.ts';
import type { Place } from '../processors/places.ts';
import type { Value } from '../values/values.ts';

/** Where a function leaves what tells the tag: its table's address stands at `place`, and it `returnedAt` bytes in. */
export interface TableEntry {
  place: Place;
  returnedAt: number;
}

/** Answers for the function at hand. */
export class ReturnedTags {
  readonly #context: SearchContext;
  readonly #tables: ObjectTables;
  readonly #methods: MethodTables;

  constructor(context: SearchContext, tables: ObjectTables) {
    this.#context = context;
    this.#tables = tables;
    this.#methods = new MethodTables(context);
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
    if (!this.#methods.isOwnTable(place)) return [];
    const tables = this.#methods.tablesWith(this.#context.fn.rva, returnedAt);
    return tables.flatMap(begin => (begin === undefined ? [] : this.#returnedBy(begin, returnedAt)));
  }

  #returnedBy(table: number, returnedAt: number): Value[] {
    const { code, fn } = this.#context;
    const functionRva = relocatedPointerAt(code.image, table + returnedAt);
    if (functionRva === undefined) return [];
    return fn.returnedBy(functionRva).filter(value => value.kind === 'constant' && looksLikeTag(value.value));
  }
}

function entryOf(pointer: Value): TableEntry[] {
  const found = tableEntry(pointer);
  return found === undefined ? [] : [{ place: found.pointer, returnedAt: found.offset }];
}
