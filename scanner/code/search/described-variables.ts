/**
 * Variables that point at descriptions in the image, whose tags are read behind them: one of their own, or the first of a list in which
 * such objects register themselves.
 */

import type { SearchContext } from '../facts/search-context.ts';
import { nearAddress } from '../functions/near-address.ts';
import { Flag, NONE } from '../processors/operations.ts';
import { behindPointer } from '../values/behind-pointer.ts';
import { address } from '../values/make-value.ts';
import { tagsBehind, tagsBehindNext } from '../values/static-tags.ts';
import type { Value } from '../values/values.ts';
import type { TagUses } from './tag-uses.ts';

/** Looks at the stores of the function at hand. */
export class DescribedVariables {
  readonly #context: SearchContext;
  readonly #uses: TagUses;

  constructor(context: SearchContext, uses: TagUses) {
    this.#context = context;
    this.#uses = uses;
  }

  /**
   * The store `i` may let a variable point at a description in the image, or at one that a caller passes and that registers itself so:
   * who reads a tag behind the variable reads that one's.
   */
  addStore(i: number): void {
    const { code, fn, stored } = this.#context;
    const { size, flags, low, source } = fn.body.operations;
    const isAddress = flags[i] === Flag.immediateIsAddress;
    if (size[i] !== code.processor.pointerSize || (source[i] === NONE && !isAddress)) return;
    const at = nearAddress(fn.body, i) ?? this.#listAt(i);
    const rva = at === undefined ? undefined : stored.links.headOf(at);
    if (rva === undefined) return;
    // The head of an empty list points at itself: what stands behind it belongs to something else.
    const others = () =>
      (isAddress ? [address(low[i])] : fn.storedPointers(i, 0)).filter(
        pointer => pointer.kind !== 'address' || pointer.rva !== rva,
      );
    for (const chain of stored.chains.of(rva)) {
      const tags = tagsBehindNext(code, others(), chain);
      for (const callee of chain.callees) this.#uses.addValues(tags, i, callee);
    }
    for (const offset of stored.offsetsBehind(rva)) {
      const pointers = others();
      for (const pointer of pointers) if (pointer.kind === 'address') stored.links.add(pointer.rva, rva);
      const passed = pointers.filter(isPartOfParameter).map(pointer => behindPointer(pointer, offset));
      const tags = [...tagsBehind(code, pointers, offset), ...passed];
      for (const callee of stored.readersBehindVariable(rva, offset)) this.#uses.addValues(tags, i, callee);
    }
  }

  /** The head of the list at whose end the store `i` puts something: behind what the head's second pointer leads to. */
  #listAt(i: number): number | undefined {
    const { code, fn } = this.#context;
    const { displacement } = fn.body.operations;
    if (displacement[i] !== 0) return undefined;
    for (const last of fn.storePointers(i))
      if (last.kind === 'memory' && last.plus === 0) return last.rva - code.processor.pointerSize;
    return undefined;
  }
}

/** What a caller passes, or the link within it by which it stands in a list. */
function isPartOfParameter(value: Value): boolean {
  const object = value.kind === 'inside' && value.stride === 0 ? value.object : value;
  return object.kind === 'parameter' && object.place.behind === undefined;
}
