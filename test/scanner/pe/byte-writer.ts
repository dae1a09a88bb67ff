/** ByteWriter: little-endian bytes with an address, for building images in tests. */

export class ByteWriter {
  readonly rva: number;
  readonly #bytes: number[] = [];

  constructor(rva: number) {
    this.rva = rva;
  }

  /** The address of what is written next. */
  get here(): number {
    return this.rva + this.#bytes.length;
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  u16(...values: number[]): this {
    for (const value of values) this.#bytes.push(value & 0xff, (value >>> 8) & 0xff);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.u16(value & 0xffff, value >>> 16);
    return this;
  }

  raw(bytes: Iterable<number>): this {
    this.#bytes.push(...bytes);
    return this;
  }

  /** One-byte characters and a NUL. */
  name(text: string): this {
    return this.raw(Buffer.from(`${text}\0`, 'latin1'));
  }

  /** UTF-16 and a NUL. */
  wide(text: string): this {
    return this.raw(Buffer.from(`${text}\0`, 'utf16le'));
  }

  align(boundary: number): this {
    while (this.#bytes.length % boundary !== 0) this.#bytes.push(0);
    return this;
  }

  /** Overwrites what stands at an address. */
  patchU16(rva: number, value: number): this {
    this.#bytes[rva - this.rva] = value & 0xff;
    this.#bytes[rva - this.rva + 1] = (value >>> 8) & 0xff;
    return this;
  }

  patchU32(rva: number, value: number): this {
    return this.patchU16(rva, value & 0xffff).patchU16(rva + 2, value >>> 16);
  }
}
