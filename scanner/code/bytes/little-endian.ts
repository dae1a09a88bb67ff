/** Numbers as they stand in an image. */

/** Little-endian signed 32 bits; the caller has checked the bounds. */
export function readInt32(bytes: Uint8Array, position: number): number {
  return (
    bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24)
  );
}
