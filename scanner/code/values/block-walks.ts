/** What walks over the blocks of a function note, in arrays that are used again: a scan makes a million walks. */

/** The arrays of one walk. */
export interface BlockWalk {
  /** By block: the number of the last walk that has seen it. Never emptied. */
  seen: Int32Array;
  /** Blocks to go on from, each once at most. */
  waiting: Int32Array;
}

/** Walks begin within walks: each depth has arrays of its own. */
export class BlockWalks {
  readonly #walks: BlockWalk[];

  constructor(maxDepth: number) {
    const none = blockWalk(0);
    this.#walks = Array.from({ length: maxDepth + 1 }, () => none);
  }

  /** The arrays of a depth, with room for so many blocks. */
  at(depth: number, blocks: number): BlockWalk {
    if (this.#walks[depth].seen.length < blocks) this.#walks[depth] = blockWalk(blocks * 2);
    return this.#walks[depth];
  }
}

function blockWalk(blocks: number): BlockWalk {
  return { seen: new Int32Array(blocks), waiting: new Int32Array(blocks) };
}
