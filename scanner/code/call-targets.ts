/** What calls lead to: pool functions by import slot, by function, by pointer variable and by framework table. */
import type { DriverImage } from '../pe/image-facts.ts';
import { placeKey } from './places.ts';
import type { Callee } from './sinks.ts';
import { isRelocated } from './static-memory.ts';
import type { Value } from './values.ts';

/** Callees that one target may have: a wrapper passes several tags at most. */
const MAX_CALLEES = 8;

/** Knows every target found so far; adding one tells whether it is new. */
export class CallTargets {
  readonly #image: DriverImage;
  /** Functions of the image: thunks, wrappers, the image's own pool functions. */
  readonly #byFunction = new Map<number, Callee[]>();
  /** Variables that hold a pointer to a pool function: import slots, and what the driver fills itself. */
  readonly #byVariable = new Map<number, Callee[]>();
  /** Entries of a table whose address a variable holds. */
  readonly #byTable = new Map<number, ReadonlyMap<number, Callee>>();

  constructor(image: DriverImage) {
    this.#image = image;
  }

  addFunction(rva: number, callee: Callee): boolean {
    return add(this.#byFunction, rva, callee);
  }

  addVariable(rva: number, callee: Callee): boolean {
    return add(this.#byVariable, rva, callee);
  }

  addTable(variableRva: number, callees: ReadonlyMap<number, Callee>): void {
    this.#byTable.set(variableRva, callees);
  }

  /** What a call of the function at this address uses. */
  ofFunction(rva: number): readonly Callee[] {
    return this.#byFunction.get(rva) ?? [];
  }

  /** What a call through a pointer with this value uses. */
  ofValue(value: Value): readonly Callee[] {
    switch (value.kind) {
      case 'address':
        return this.ofFunction(value.rva);
      case 'memory':
        return [...(this.#byVariable.get(value.rva) ?? []), ...this.#initially(value.rva)];
      case 'behind': {
        const callee = this.#byTable.get(value.rva)?.get(value.offset);
        if (callee !== undefined) return [callee];
        // A table that the variable points at from the start: operations->allocate.
        const table = this.#pointerAt(value.rva);
        return table === undefined ? [] : this.#initially((table + value.offset) | 0);
      }
    }
    return [];
  }

  /** The function that a variable points at when the image is loaded. */
  #initially(rva: number): readonly Callee[] {
    const target = this.#pointerAt(rva);
    return target === undefined ? [] : this.ofFunction(target);
  }

  #pointerAt(rva: number): number | undefined {
    return isRelocated(this.#image.relocations, rva) ? this.#image.pointerAt(rva) : undefined;
  }
}

function add(map: Map<number, Callee[]>, rva: number, callee: Callee): boolean {
  const known = map.get(rva);
  if (known === undefined) {
    map.set(rva, [callee]);
    return true;
  }
  if (known.length >= MAX_CALLEES || known.some(other => isSame(other, callee))) return false;
  known.push(callee);
  return true;
}

function isSame(a: Callee, b: Callee): boolean {
  return (
    a.poolFunction === b.poolFunction &&
    placeKey(a.place) === placeKey(b.place) &&
    a.wrappers.length === b.wrappers.length
  );
}
