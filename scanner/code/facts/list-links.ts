/** Lists of objects that stand in the image: by which link of which of them a list goes on. */

/** Real drivers link a few dozen. */
const MAX_LINKS = 5_000;

/** What is known for the whole image. */
export class ListLinks {
  readonly #heads = new Map<number, number>();

  /** An object's link (or the object, where that begins with it) stands in the list that begins with the variable at `headRva`. */
  add(linkRva: number, headRva: number): void {
    if (linkRva !== headRva && this.#heads.size < MAX_LINKS) this.#heads.set(linkRva, headRva);
  }

  /** The variable with which the list begins that goes on at a link; the address itself where it is none. */
  headOf(rva: number): number {
    return this.#heads.get(rva) ?? rva;
  }
}
