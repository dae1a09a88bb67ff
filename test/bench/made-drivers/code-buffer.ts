/** CodeBuffer: little-endian bytes at an address, megabytes of them; what tests write small images with would be too slow. */

const FIRST_BYTES = 1 << 16;

export class CodeBuffer {
  readonly rva: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  constructor(rva: number) {
    this.rva = rva;
  }

  /** The address of what is written next. */
  get here(): number {
    return this.rva + this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(...values: number[]): this {
    for (const value of values) {
      if (this.#length === this.#bytes.length) this.#grow();
      this.#bytes[this.#length++] = value;
    }
    return this;
  }

  u16(value: number): this {
    return this.u8(value & 0xff, (value >>> 8) & 0xff);
  }

  u32(...values: number[]): this {
    for (const value of values) this.u16(value & 0xffff).u16(value >>> 16);
    return this;
  }

  /** One-byte characters and a NUL. */
  text(text: string): this {
    return this.u8(...Buffer.from(`${text}\0`, 'latin1'));
  }

  align(boundary: number, filler = 0): this {
    while (this.here % boundary !== 0) this.u8(filler);
    return this;
  }

  /** Overwrites what stands at an address. */
  patchU8(rva: number, value: number): void {
    this.#bytes[rva - this.rva] = value;
  }

  patchU32(rva: number, value: number): void {
    for (let i = 0; i < 4; i++) this.patchU8(rva + i, (value >>> (8 * i)) & 0xff);
  }

  /** The 32 bits at an address. */
  u32At(rva: number): number {
    const at = rva - this.rva;
    const bytes = this.#bytes;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  #grow(): void {
    const bigger = new Uint8Array(this.#bytes.length * 2);
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}
