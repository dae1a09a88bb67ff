/** Reads an image by RVA, as it would lie in memory: section bytes, then zeros, and nothing outside the sections. */
import { GuardedBytes, zeroTerminatedText } from './guarded-bytes.ts';
import type { Section } from './image-facts.ts';

const NOT_IN_A_NAME = /[^ -~]/;
const NOTHING = new GuardedBytes(new Uint8Array(0));

/** Sections by address. `sections` are sorted and apart. */
export class ImageMemory {
  readonly sections: readonly Section[];
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #pointerSize: 4 | 8;
  readonly #sizeOfImage: number;
  #last: Section | undefined;

  constructor(
    sections: readonly Section[],
    base: { low: number; high: number },
    pointerSize: 4 | 8,
    sizeOfImage: number,
  ) {
    this.sections = sections;
    this.#baseLow = base.low;
    this.#baseHigh = base.high;
    this.#pointerSize = pointerSize;
    this.#sizeOfImage = sizeOfImage;
  }

  sectionAt(rva: number): Section | undefined {
    const last = this.#last;
    if (last !== undefined && isInside(last, rva)) return last;
    let low = 0;
    let high = this.sections.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const section = this.sections[middle];
      if (isInside(section, rva)) {
        this.#last = section;
        return section;
      }
      if (rva < section.rva) high = middle - 1;
      else low = middle + 1;
    }
    return undefined;
  }

  u32At(rva: number): number | undefined {
    const section = this.sectionAt(rva);
    if (section === undefined) return undefined;
    const { bytes } = section;
    const at = rva - section.rva;
    if (at + 4 <= bytes.length) {
      return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
    }
    let value = 0;
    for (let i = 0; i < 4 && at + i < bytes.length; i++) value += bytes[at + i] * 2 ** (8 * i);
    return value;
  }

  pointerAt(rva: number): number | undefined {
    const low = this.u32At(rva);
    if (low === undefined) return undefined;
    if (this.#pointerSize === 4) return this.rvaOf(low, 0);
    const high = this.u32At(rva + 4);
    return high === undefined ? undefined : this.rvaOf(low, high);
  }

  /** The RVA of a virtual address given in halves; undefined where it lies outside the image. */
  rvaOf(low: number, high: number): number | undefined {
    const rva = low - this.#baseLow + (high - this.#baseHigh) * 0x1_0000_0000;
    return rva > 0 && rva < this.#sizeOfImage ? rva : undefined;
  }

  /** The file's bytes from an RVA on: to the end of its section, at most `maxSize`. Empty outside every section. */
  from(rva: number, maxSize = Number.POSITIVE_INFINITY): GuardedBytes {
    const section = this.sectionAt(rva);
    if (section === undefined) return NOTHING;
    const at = rva - section.rva;
    if (at >= section.bytes.length) return NOTHING;
    return new GuardedBytes(section.bytes.subarray(at, Math.min(section.bytes.length, at + maxSize)));
  }

  /** A name of printable ASCII that ends with a NUL within `maxLength`: what linkers write. */
  nameAt(rva: number, maxLength: number): string | undefined {
    const section = this.sectionAt(rva);
    if (section === undefined) return undefined;
    const name = zeroTerminatedText(section.bytes, rva - section.rva, maxLength);
    return name === undefined || NOT_IN_A_NAME.test(name) ? undefined : name;
  }
}

function isInside(section: Section, rva: number): boolean {
  return rva >= section.rva && rva < section.rva + Math.max(section.virtualSize, section.bytes.length);
}
