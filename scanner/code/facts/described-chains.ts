/**
 * Tags two pointers behind a variable: it points at a description in the image, which has the address of another one, or of a table
 * (`unit->counters[n].tag`).
 */

import type { Value } from '../values/values.ts';
import type { Callee } from './callee.ts';

/** Distances behind one variable; real descriptions have a few tables. */
const MAX_OF_A_VARIABLE = 16;
/** Callees of one. */
const MAX_CALLEES = 8;

/** Where a tag is read: the distance of the pointer in the description, and of the tag behind that. */
export interface DescribedChain {
  owner: number;
  offset: number;
  /** Of the elements, where the pointer leads to a table. */
  stride: number | undefined;
  callees: Callee[];
}

/** What is known for the whole image. */
export class DescribedChains {
  readonly #byVariable = new Map<number, DescribedChain[]>();

  /** The callee reads its tag from this field. True where that is new; a field of another object is none. */
  add({ rva, owner, offset, stride }: Extract<Value, { kind: 'field' }>, callee: Callee): boolean {
    // What stands before a block is its header, and no description's tag.
    if (rva === undefined || owner === undefined || owner < 0 || offset < 0) return false;
    const known = this.#byVariable.get(rva) ?? [];
    let chain = known.find(one => one.owner === owner && one.offset === offset && one.stride === stride);
    if (chain === undefined) {
      if (known.length >= MAX_OF_A_VARIABLE) return false;
      chain = { owner, offset, stride, callees: [] };
      this.#byVariable.set(rva, [...known, chain]);
    }
    const isKnown = chain.callees.some(
      one =>
        one.poolFunction === callee.poolFunction &&
        one.wrappers.length === callee.wrappers.length &&
        one.site?.rva === callee.site?.rva,
    );
    if (isKnown || chain.callees.length >= MAX_CALLEES) return false;
    chain.callees.push(callee);
    return true;
  }

  /** What is read behind what the variable points at. */
  of(rva: number): readonly DescribedChain[] {
    return this.#byVariable.get(rva) ?? [];
  }

  get isEmpty(): boolean {
    return this.#byVariable.size === 0;
  }
}
