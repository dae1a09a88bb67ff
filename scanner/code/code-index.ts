/**
 * One pass over every executable section that notes who calls whom and who touches the slots of interest. It reads
 * raw bytes at every position, so what it finds are candidates: decoding the function that holds them decides.
 */
import type { DriverImage } from '../pe/image-facts.ts';

/** Candidates of one image. All addresses are RVAs. */
export interface CodeIndex {
  /** Positions whose four bytes refer to a slot of interest (an import address, a function pointer). */
  slotReferences: number[];
  /** RVAs of the E8 and E9 instructions that lead to this address. */
  callersOf(targetRva: number): number[];
  /** Every address that an E8 leads to, ascending, without doubles. */
  callTargets(): Uint32Array;
}

/** Calls beyond this are dropped: an image of nothing but E8 bytes must not cost gigabytes. */
const MAX_CALLS = 4_000_000;
/** References to slots beyond this are dropped, for the same reason. */
const MAX_SLOT_REFERENCES = 1_000_000;
const BUCKET_SHIFT = 4;

/** Scans x86 and x64 code. `slots` are the RVAs that calls go through. */
export function indexX86Code(image: DriverImage, slots: ReadonlySet<number>): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const lowRva = code.length === 0 ? 0 : code[0].rva;
  const highRva = code.reduce((high, section) => Math.max(high, section.rva + section.bytes.length), lowRva);
  const calls = new CallTable(lowRva, highRva);
  const slotReferences: number[] = [];
  const lowSlot = Math.min(...slots);
  const highSlot = Math.max(...slots);
  // On x64 the four bytes count from their own end; on x86 they are an address.
  const isRelative = image.arch === 'x64';
  const absoluteBase = image.imageBase | 0;
  for (const section of code) {
    const { bytes, rva } = section;
    const last = bytes.length - 4;
    if (last < 0) continue;
    let value = (bytes[0] << 8) | (bytes[1] << 16) | (bytes[2] << 24);
    for (let p = 0; p <= last; p++) {
      value = (value >>> 8) | (bytes[p + 3] << 24);
      const target = (value + rva + p + 4) | 0;
      const slot = isRelative ? target : (value - absoluteBase) | 0;
      if (
        slot >= lowSlot &&
        slot <= highSlot &&
        slots.has(slot) &&
        slotReferences.length < MAX_SLOT_REFERENCES
      ) {
        slotReferences.push(rva + p);
      }
      if (target >= lowRva && target < highRva && p > 0) {
        const opcode = bytes[p - 1];
        if (opcode === 0xe8 || opcode === 0xe9) calls.add(target, rva + p - 1, opcode === 0xe8);
      }
    }
  }
  return { slotReferences, callersOf: target => calls.callersOf(target), callTargets: () => calls.targets() };
}

/** Calls by target: chains through two arrays, which needs no sorting. */
class CallTable {
  readonly #lowRva: number;
  readonly #heads: Int32Array;
  #next = new Int32Array(1 << 12);
  #target = new Int32Array(1 << 12);
  /** RVA of the instruction; negative for a jump. */
  #site = new Int32Array(1 << 12);
  #count = 0;

  constructor(lowRva: number, highRva: number) {
    this.#lowRva = lowRva;
    this.#heads = new Int32Array(((highRva - lowRva) >>> BUCKET_SHIFT) + 1);
  }

  add(target: number, site: number, isCall: boolean): void {
    if (this.#count === MAX_CALLS) return;
    if (this.#count === this.#site.length) {
      this.#next = doubled(this.#next);
      this.#target = doubled(this.#target);
      this.#site = doubled(this.#site);
    }
    const bucket = (target - this.#lowRva) >>> BUCKET_SHIFT;
    this.#target[this.#count] = target;
    this.#site[this.#count] = isCall ? site : -site;
    this.#next[this.#count] = this.#heads[bucket];
    this.#heads[bucket] = ++this.#count;
  }

  callersOf(target: number): number[] {
    const sites: number[] = [];
    const bucket = (target - this.#lowRva) >>> BUCKET_SHIFT;
    for (let i = this.#heads[bucket] ?? 0; i > 0; i = this.#next[i - 1]) {
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
