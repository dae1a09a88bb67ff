/** Numbers as they stand in an image. */

/** Little-endian signed 32 bits; the caller has checked the bounds. */
export function readInt32(bytes: Uint8Array, position: number): number {
  return (
    bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24)
  );
}

/** 32 bits with their bytes the other way round. */
export function byteSwapped(value: number): number {
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
