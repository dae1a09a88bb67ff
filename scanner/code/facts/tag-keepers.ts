/**
 * Functions that were seen to put something like a tag into an object, by its distance: who reads there may be found later,
 * and its object may be another one than those that were known.
 */

/** What more functions than this fill at one distance is read as a tag there by chance. */
const MAX_AT_A_DISTANCE = 64;

/** What is known for the whole image. */
export class TagKeepers {
  readonly #byDistance = new Map<number, Set<number>>();

  note(distance: number, functionRva: number): void {
    const known = this.#byDistance.get(distance);
    if (known === undefined) this.#byDistance.set(distance, new Set([functionRva]));
    else if (known.size < MAX_AT_A_DISTANCE) known.add(functionRva);
  }

  /** The functions that fill at this distance. */
  at(distance: number): Iterable<number> {
    return this.#byDistance.get(distance) ?? [];
  }
}
