/** What calls lead to: pool functions by import slot, by function, by pointer variable and by framework table. */

import type { DriverImage } from '../../pe/image-facts.ts';
import { isRelocated } from '../bytes/relocated-pointers.ts';
import { placeKey } from '../processors/places.ts';
import type { Value } from '../values/values.ts';
import { type Callee, isSurer } from './callee.ts';
import { madeKey } from './made-tags.ts';

/** What one target uses, and in which wave of the search each of it was found: the earliest first. */
interface Target {
  callees: Callee[];
  waves: number[];
}

const NO_CALLEES: readonly Callee[] = [];

/** Callees that one target may have: a wrapper passes several tags at most. */
const MAX_CALLEES = 8;

/** Knows every target found so far; adding one tells whether it is new. */
export class CallTargets {
  readonly #image: DriverImage;
  /** Functions of the image: thunks, wrappers, the image's own pool functions. */
  readonly #byFunction = new Map<number, Target>();
  /** Functions that read their tag behind a pointer which they are given, and what they use. */
  readonly #readers = new Map<number, Callee[]>();
  /** Variables that hold a pointer to a pool function: import slots, and what the driver fills itself. */
  readonly #byVariable = new Map<number, Target>();
  /** Entries of a table whose address a variable holds. */
  readonly #byTable = new Map<number, ReadonlyMap<number, Callee>>();

  /** The wave that is going on: what is added now belongs to it. */
  wave = 0;
  /** Only targets found in this wave or later are told of: earlier ones have been followed where they are asked for. */
  since = 0;

  constructor(image: DriverImage) {
    this.#image = image;
  }

  addFunction(rva: number, callee: Callee): boolean {
    if (!this.#add(this.#byFunction, rva, callee)) return false;
    if (callee.place.behind !== undefined && callee.returnedAt === undefined)
      this.#readers.set(rva, [...this.readersAt(rva).filter(other => !isSame(other, callee)), callee]);
    return true;
  }

  addVariable(rva: number, callee: Callee): boolean {
    return this.#add(this.#byVariable, rva, callee);
  }

  addTable(variableRva: number, callees: ReadonlyMap<number, Callee>): void {
    this.#byTable.set(variableRva, callees);
  }

  /** Whether any function reads its tag behind a pointer. */
  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  /** What a call of the function uses that reads its tag behind a pointer, in whichever wave that was found. */
  readersAt(rva: number): readonly Callee[] {
    return this.#readers.get(rva) ?? NO_CALLEES;
  }

  /** Whether the function takes a tag. */
  knowsFunction(rva: number): boolean {
    return this.#byFunction.has(rva);
  }

  /** What a call of the function uses, in whichever wave that was found. */
  allOfFunction(rva: number): readonly Callee[] {
    return this.#byFunction.get(rva)?.callees.slice() ?? NO_CALLEES;
  }

  /** What a call of the function at this address uses. */
  ofFunction(rva: number): readonly Callee[] {
    return this.#recent(this.#byFunction.get(rva));
  }

  /** What a call through a pointer with this value uses. */
  ofValue(value: Value): readonly Callee[] {
    switch (value.kind) {
      case 'address':
        return this.ofFunction(value.rva);
      case 'memory':
        if (value.plus !== 0) return NO_CALLEES;
        return both(this.#recent(this.#byVariable.get(value.rva)), this.#initially(value.rva));
      case 'behind': {
        const callee = this.#byTable.get(value.rva)?.get(value.offset);
        if (callee !== undefined) return this.since === 0 ? [callee] : NO_CALLEES;
        // A table that the variable points at from the start: operations->allocate.
        const table = this.#pointerAt(value.rva);
        return table === undefined ? NO_CALLEES : this.#initially((table + value.offset) | 0);
      }
    }
    return NO_CALLEES;
  }

  /** The function that a variable points at when the image is loaded. */
  #initially(rva: number): readonly Callee[] {
    const target = this.#pointerAt(rva);
    return target === undefined ? NO_CALLEES : this.ofFunction(target);
  }

  #add(map: Map<number, Target>, rva: number, callee: Callee): boolean {
    const known = map.get(rva);
    if (known === undefined) {
      map.set(rva, { callees: [callee], waves: [this.wave] });
      return true;
    }
    const { callees, waves } = known;
    const same = callees.findIndex(other => isSame(other, callee));
    if (same >= 0) {
      if (!isSurer(callee, callees[same])) return false;
      callees.splice(same, 1);
      waves.splice(same, 1);
    }
    if (callees.length >= MAX_CALLEES) {
      // What is surer takes the room of a guess.
      const worse = callees.findIndex(other => isSurer(callee, other));
      if (worse < 0) return false;
      callees.splice(worse, 1);
      waves.splice(worse, 1);
    }
    callees.push(callee);
    waves.push(this.wave);
    return true;
  }

  #recent(target: Target | undefined): readonly Callee[] {
    if (target === undefined) return NO_CALLEES;
    const { callees, waves } = target;
    let first = 0;
    while (first < waves.length && waves[first] < this.since) first++;
    // A copy, since who follows one may find another.
    return callees.slice(first);
  }

  #pointerAt(rva: number): number | undefined {
    return isRelocated(this.#image.relocations, rva) ? this.#image.pointerAt(rva) : undefined;
  }
}

/** Mostly one of the two is empty, and this is asked for every call. */
function both(some: readonly Callee[], more: readonly Callee[]): readonly Callee[] {
  if (more.length === 0) return some;
  return some.length === 0 ? more : [...some, ...more];
}

function isSame(a: Callee, b: Callee): boolean {
  return (
    a.poolFunction === b.poolFunction &&
    placeKey(a.place) === placeKey(b.place) &&
    a.returnedAt === b.returnedAt &&
    madeKey(a.computed) === madeKey(b.computed) &&
    a.wrappers.length === b.wrappers.length
  );
}
