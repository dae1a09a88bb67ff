/** Functions that put operations into an object which they are given: who calls them with a variable's address fills it. */
import { type Place, placeKey } from '../processors/places.ts';

/** The address of a function that takes a tag, or of a table of such, is stored `distance` bytes behind the pointer at `place`. */
export interface OperationSetter {
  /** As the setter sees it at its entry. */
  place: Place;
  distance: number;
  rva: number;
}

/** Real drivers fill some hundreds of structures with functions, each with a few. */
const MAX_SETTERS = 5_000;
const MAX_OF_A_FUNCTION = 32;

const NO_SETTERS: readonly OperationSetter[] = [];

/** What is known for the whole image. */
export class OperationSetters {
  readonly #byFunction = new Map<number, OperationSetter[]>();
  #count = 0;

  of(functionRva: number): readonly OperationSetter[] {
    return this.#byFunction.get(functionRva) ?? NO_SETTERS;
  }

  /** True where the setter is new. */
  add(functionRva: number, setter: OperationSetter): boolean {
    const known = this.#byFunction.get(functionRva) ?? [];
    if (this.#count >= MAX_SETTERS || known.length >= MAX_OF_A_FUNCTION) return false;
    if (known.some(other => isSame(other, setter))) return false;
    this.#byFunction.set(functionRva, [...known, setter]);
    this.#count++;
    return true;
  }
}

function isSame(a: OperationSetter, b: OperationSetter): boolean {
  return a.rva === b.rva && a.distance === b.distance && placeKey(a.place) === placeKey(b.place);
}
