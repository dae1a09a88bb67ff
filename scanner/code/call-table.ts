/** Who calls whom, by target: chains through arrays, which needs no sorting and is bounded. */

/** Calls beyond this are dropped: an image of nothing but call instructions must not cost gigabytes. */
const MAX_CALLS = 4_000_000;
/** Targets that share all but these low bits share a chain. */
const BUCKET_SHIFT = 4;
const FIRST_CAPACITY = 1 << 12;

/** Calls and jumps of one image; all addresses are RVAs. */
export class CallTable {
  readonly #heads: Int32Array;
  readonly #mask: number;
  #next = new Int32Array(FIRST_CAPACITY);
  #target = new Int32Array(FIRST_CAPACITY);
  /** RVA of the instruction; negative for a jump. */
  #site = new Int32Array(FIRST_CAPACITY);
  #count = 0;

  /** `codeBytes` sets the number of chains; sections may lie anywhere, so addresses are folded into it. */
  constructor(codeBytes: number) {
    const chains = 1 << Math.min(22, Math.max(6, 32 - Math.clz32(codeBytes >>> BUCKET_SHIFT)));
    this.#mask = chains - 1;
    this.#heads = new Int32Array(chains);
  }

  add(target: number, site: number, isCall: boolean): void {
    if (this.#count === MAX_CALLS) return;
    if (this.#count === this.#site.length) {
      this.#next = doubled(this.#next);
      this.#target = doubled(this.#target);
      this.#site = doubled(this.#site);
    }
    const bucket = (target >>> BUCKET_SHIFT) & this.#mask;
    this.#target[this.#count] = target;
    this.#site[this.#count] = isCall ? site : -site;
    this.#next[this.#count] = this.#heads[bucket];
    this.#heads[bucket] = ++this.#count;
  }

  callersOf(target: number): number[] {
    const sites: number[] = [];
    const bucket = (target >>> BUCKET_SHIFT) & this.#mask;
    for (let i = this.#heads[bucket]; i > 0; i = this.#next[i - 1]) {
      if (this.#target[i - 1] === target) sites.push(Math.abs(this.#site[i - 1]));
    }
    return sites;
  }

  targets(): Uint32Array {
    const all = new Uint32Array(this.#count);
    let found = 0;
    for (let i = 0; i < this.#count; i++) if (this.#site[i] > 0) all[found++] = this.#target[i];
    const sorted = all.subarray(0, found).sort();
    let unique = 0;
    for (let i = 0; i < found; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[unique++] = sorted[i];
    return sorted.subarray(0, unique);
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
