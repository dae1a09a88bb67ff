/** Which code refers to which address: chains through arrays, which needs no sorting and is bounded. */

/** References beyond this are dropped: an image of nothing but references must not cost gigabytes. */
const MAX_REFERENCES = 4_000_000;
/** Targets that share all but these low bits share a chain. */
const BUCKET_SHIFT = 4;
const BUCKET_BYTES = 1 << BUCKET_SHIFT;
const FIRST_CAPACITY = 1 << 12;

/** Pairs of a target and the site that names it; all addresses are RVAs. */
export class ReferenceTable {
  readonly #heads: Int32Array;
  readonly #mask: number;
  #next = new Int32Array(FIRST_CAPACITY);
  #target = new Int32Array(FIRST_CAPACITY);
  #site = new Int32Array(FIRST_CAPACITY);
  #count = 0;
  /** The targets as they were when so many references had been added. */
  #sorted = { added: 0, targets: new Uint32Array(0) };

  /** `bytes` of code set the number of chains; sections may lie anywhere, so addresses are folded into it. */
  constructor(bytes: number) {
    const chains = 1 << Math.min(22, Math.max(6, 32 - Math.clz32(bytes >>> BUCKET_SHIFT)));
    this.#mask = chains - 1;
    this.#heads = new Int32Array(chains);
  }

  add(target: number, site: number): void {
    if (this.#count === MAX_REFERENCES) return;
    if (this.#count === this.#site.length) {
      this.#next = doubled(this.#next);
      this.#target = doubled(this.#target);
      this.#site = doubled(this.#site);
    }
    const bucket = (target >>> BUCKET_SHIFT) & this.#mask;
    this.#target[this.#count] = target;
    this.#site[this.#count] = site;
    this.#next[this.#count] = this.#heads[bucket];
    this.#heads[bucket] = ++this.#count;
  }

  /** The sites that name this address, the last first. */
  sitesOf(target: number): number[] {
    const sites: number[] = [];
    for (let i = this.#heads[(target >>> BUCKET_SHIFT) & this.#mask]; i > 0; i = this.#next[i - 1]) {
      if (this.#target[i - 1] === target) sites.push(this.#site[i - 1]);
    }
    return sites;
  }

  /** The lowest target from `from` on, below `limit`; `limit` where there is none. */
  nextTarget(from: number, limit: number): number {
    for (let low = from; low < limit; low = (low - (low % BUCKET_BYTES) + BUCKET_BYTES) | 0) {
      let nearest = limit;
      const end = low - (low % BUCKET_BYTES) + BUCKET_BYTES;
      for (let i = this.#heads[(low >>> BUCKET_SHIFT) & this.#mask]; i > 0; i = this.#next[i - 1]) {
        const target = this.#target[i - 1];
        if (target >= low && target < end && target < nearest) nearest = target;
      }
      if (nearest < limit) return nearest;
    }
    return limit;
  }

  /** Every target, ascending, without doubles. */
  targets(): Uint32Array {
    if (this.#sorted.added === this.#count) return this.#sorted.targets;
    const sorted = ascending(Uint32Array.from(this.#target.subarray(0, this.#count)));
    let unique = 0;
    for (let i = 0; i < sorted.length; i++)
      if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[unique++] = sorted[i];
    this.#sorted = { added: this.#count, targets: sorted.subarray(0, unique) };
    return this.#sorted.targets;
  }
}

const DIGIT_BITS = 11;

/** Sorted by digits, which is several times quicker than comparing hundreds of thousands of numbers. */
function ascending(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  let from = Uint32Array.from(numbers);
  let to = new Uint32Array(numbers.length);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const next = new Uint32Array((1 << DIGIT_BITS) + 1);
    const mask = (1 << DIGIT_BITS) - 1;
    for (const number of from) next[((number >>> shift) & mask) + 1]++;
    for (let digit = 0; digit < mask; digit++) next[digit + 1] += next[digit];
    for (const number of from) to[next[(number >>> shift) & mask]++] = number;
    [from, to] = [to, from];
  }
  return from;
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
