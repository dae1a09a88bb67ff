/** The one guard between a hostile file and every reader: no read goes past the end, and none throws a bare RangeError. */

/** A read that would have gone past the end. Readers of one table catch it, keep what they have and leave a remark. */
export class PastTheEnd extends Error {
  readonly code = 'past-the-end';
  constructor(offset: number, size: number, length: number) {
    super(`A read of ${size} bytes at ${offset} goes past the ${length} bytes there are.`);
    this.name = 'PastTheEnd';
  }
}

/** Little-endian reads over bytes that nobody vouches for. Offsets count from the start of `bytes`. */
export class GuardedBytes {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    // A plain view: a Buffer's own slice() would share memory where a Uint8Array's copies.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.length = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether `size` bytes at `offset` are there. Plain numbers: a sum beyond 32 bits cannot wrap round. */
  holds(offset: number, size: number): boolean {
    return offset >= 0 && size >= 0 && offset + size <= this.length;
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.bytes[offset];
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  /** A zero-copy part of these bytes. */
  slice(offset: number, size: number): Uint8Array {
    this.#check(offset, size);
    return this.bytes.subarray(offset, offset + size);
  }

  #check(offset: number, size: number): void {
    if (!this.holds(offset, size)) throw new PastTheEnd(offset, size, this.length);
  }
}

/** Characters of one byte each up to a NUL; undefined where no NUL follows within `maxLength` characters. */
export function zeroTerminatedText(bytes: Uint8Array, offset: number, maxLength: number): string | undefined {
  const end = Math.min(offset + maxLength + 1, bytes.length);
  let text = '';
  for (let at = offset; at >= 0 && at < end; at++) {
    const byte = bytes[at];
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  return undefined;
}
