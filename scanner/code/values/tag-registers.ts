/** Which registers a function gives something like a tag: a quick look, before the values of a store are asked for. */

import { looksLikeTag } from '../bytes/tag-characters.ts';
import type { FunctionBody } from '../functions/function-body.ts';
import { NO_SLOT } from '../functions/stack-slots.ts';
import { NONE, Op, type OperationList } from '../processors/operations.ts';

/** Looked at once a function, and only where a store may be of interest. */
export class TagRegisters {
  readonly #mayHold = new Uint8Array(256);
  #isKnown = false;

  /** Another function is at hand now. */
  begin(): void {
    this.#isKnown = false;
  }

  /** Whether the store `i` may put a tag behind a pointer: a constant, or a register that is given one anywhere. */
  mayStoreTag(body: FunctionBody, i: number): boolean {
    const { source, size, low, high } = body.operations;
    if (size[i] < 4 || size[i] > 8 || body.slot[i] !== NO_SLOT) return false;
    if (source[i] === NONE) return looksLikeTag(low[i]) || (size[i] === 8 && looksLikeTag(high[i]));
    if (!this.#isKnown) this.#find(body.operations);
    return this.#mayHold[source[i]] !== 0;
  }

  #find({ op, dst, source, low, high, count }: OperationList): void {
    this.#isKnown = true;
    this.#mayHold.fill(0);
    for (let i = 0; i < count; i++) {
      if (source[i] !== NONE) continue;
      const isTag =
        (op[i] === Op.move && (looksLikeTag(low[i]) || looksLikeTag(high[i]))) ||
        (op[i] === Op.insert && isTwoCharacters(low[i])); // movk
      if (isTag) this.#mayHold[dst[i]] = 1;
    }
  }
}

function isTwoCharacters(half: number): boolean {
  return (half & 0xff) >= 0x20 && (half & 0x7f00) >= 0x2000;
}
