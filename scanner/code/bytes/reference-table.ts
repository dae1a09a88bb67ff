/** Which code refers to which address: chains through arrays, which needs no sorting and is bounded. */

/** References beyond this are dropped: an image of nothing but references must not cost gigabytes. */
const MAX_REFERENCES = 4_000_000;
/** Targets that share all but these low bits share a chain. */
const BUCKET_SHIFT = 4;
const BUCKET_BYTES = 1 << BUCKET_SHIFT;
/** Compiled code has a call every 75 bytes, and names an address every 60: room for a little more is not made again. */
const BYTES_PER_REFERENCE = 48;
const LEAST_CAPACITY = 1 << 10;
/** Chains are short as long as they are about as many as the references. */
const CHAIN_SHIFT = 6;

/** Pairs of a target and the site that names it; all addresses are RVAs. */
export class ReferenceTable {
  readonly #heads: Int32Array;
  readonly #mask: number;
  #next: Int32Array;
  #target: Int32Array;
  #site: Int32Array;
  #count = 0;
  /** The targets as they were when so many references had been added. */
  #sorted = { added: 0, targets: new Uint32Array(0) };

  /** `bytes` of code set the number of chains; sections may lie anywhere, so addresses are folded into it. */
  constructor(bytes: number) {
    const capacity = Math.min(
      MAX_REFERENCES,
      Math.max(LEAST_CAPACITY, Math.ceil(bytes / BYTES_PER_REFERENCE)),
    );
    this.#next = new Int32Array(capacity);
    this.#target = new Int32Array(capacity);
    this.#site = new Int32Array(capacity);
    const chains = 1 << Math.min(20, Math.max(6, 32 - Math.clz32(bytes >>> CHAIN_SHIFT)));
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

  /** The lowest target from `from` on, below `limit`; `limit` where there is none. Both may be any numbers at all. */
  nextTarget(from: number, limit: number): number {
    // Of a range that is wider than the table each target is looked at, not each address.
    if (limit - from > BUCKET_BYTES * this.#heads.length) return this.#nearest(from, limit);
    for (let low = from; low < limit; ) {
      let nearest = limit;
      const end = low - (low & (BUCKET_BYTES - 1)) + BUCKET_BYTES;
      for (let i = this.#heads[(low >>> BUCKET_SHIFT) & this.#mask]; i > 0; i = this.#next[i - 1]) {
        const target = this.#target[i - 1];
        if (target >= low && target < end && target < nearest) nearest = target;
      }
      if (nearest < limit) return nearest;
      low = end;
    }
    return limit;
  }

  #nearest(from: number, limit: number): number {
    let nearest = limit;
    for (let i = 0; i < this.#count; i++) {
      const target = this.#target[i];
      if (target >= from && target < nearest) nearest = target;
    }
    return nearest;
  }

  /** Every target, ascending, without doubles. */
  targets(): Uint32Array {
    if (this.#sorted.added === this.#count) return this.#sorted.targets;
    const targets = ascending(this.#target.subarray(0, this.#count));
    this.#sorted = { added: this.#count, targets };
    return this.#sorted.targets;
  }
}

/** A bit for each address between the lowest and the highest may cost this many bits for each number; else they are sorted. */
const MAX_BITS_PER_NUMBER = 4096;

/** The numbers in ascending order, without doubles. */
function ascending(numbers: Int32Array): Uint32Array<ArrayBuffer> {
  let low = 0xffffffff;
  let high = 0;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] >>> 0;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (numbers.length === 0 || high - low > numbers.length * MAX_BITS_PER_NUMBER)
    return Uint32Array.from(new Set(Uint32Array.from(numbers).sort()));
  const bits = new Uint32Array(((high - low) >>> 5) + 1);
  let count = 0;
  for (let i = 0; i < numbers.length; i++) {
    const at = (numbers[i] >>> 0) - low;
    const bit = 1 << (at & 31);
    if ((bits[at >>> 5] & bit) !== 0) continue;
    bits[at >>> 5] |= bit;
    count++;
  }
  const found = new Uint32Array(count);
  let next = 0;
  for (let word = 0; word < bits.length; word++) {
    for (let rest = bits[word]; rest !== 0; rest &= rest - 1)
      found[next++] = low + word * 32 + (31 - Math.clz32(rest & -rest));
  }
  return found;
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
