/**
 * The basic blocks of a function and which of them leads to which, in arrays that are used again for every function: a scan
 * looks at a hundred thousand, and objects for their blocks were a sixth of all that it made.
 */

const FIRST_BLOCKS = 64;
/** Behind the last edge of a block. */
export const NO_EDGE = -1;

/** A block is a run of operations that is entered at its start and left at its end, told by its number. */
export class BlockGraph {
  count = 0;
  /** By block: its first operation, and the one behind its last. */
  begin = new Int32Array(FIRST_BLOCKS);
  end = new Int32Array(FIRST_BLOCKS);
  /** From each block to those that it leads to, and that lead to it. */
  readonly successors = new BlockEdges();
  readonly predecessors = new BlockEdges();

  clear(): void {
    this.count = 0;
    this.successors.clear();
    this.predecessors.clear();
  }

  /** Adds the block behind the last one. */
  add(begin: number, end: number): void {
    if (this.count === this.begin.length) {
      this.begin = grown(this.begin);
      this.end = grown(this.end);
    }
    this.begin[this.count] = begin;
    this.end[this.count] = end;
    this.count++;
    this.successors.addBlock();
    this.predecessors.addBlock();
  }

  connect(from: number, to: number): void {
    this.successors.add(from, to);
    this.predecessors.add(to, from);
  }
}

/**
 * Edges in one direction, in the order in which they were added:
 * `for (let edge = edges.first[block]; edge !== NO_EDGE; edge = edges.next[edge]) edges.target[edge]`.
 */
class BlockEdges {
  /** By block. */
  first = new Int32Array(FIRST_BLOCKS);
  #last = new Int32Array(FIRST_BLOCKS);
  #blocks = 0;
  /** By edge. */
  next = new Int32Array(FIRST_BLOCKS);
  target = new Int32Array(FIRST_BLOCKS);
  #edges = 0;

  clear(): void {
    this.#blocks = 0;
    this.#edges = 0;
  }

  addBlock(): void {
    if (this.#blocks === this.first.length) {
      this.first = grown(this.first);
      this.#last = grown(this.#last);
    }
    this.first[this.#blocks++] = NO_EDGE;
  }

  add(block: number, target: number): void {
    if (this.#edges === this.next.length) {
      this.next = grown(this.next);
      this.target = grown(this.target);
    }
    const edge = this.#edges++;
    this.next[edge] = NO_EDGE;
    this.target[edge] = target;
    if (this.first[block] === NO_EDGE) this.first[block] = edge;
    else this.next[this.#last[block]] = edge;
    this.#last[block] = edge;
  }

  /** The target of the block's only edge; undefined where it has none or several. */
  only(block: number): number | undefined {
    const edge = this.first[block];
    return edge !== NO_EDGE && this.next[edge] === NO_EDGE ? this.target[edge] : undefined;
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
