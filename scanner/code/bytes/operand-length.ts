/** How long a ModRM operand is: for looks at raw bytes, before anything is decoded. */

/** Bytes of a ModRM operand in 32- and 64-bit addressing. */
export function operandLength(bytes: Uint8Array, at: number): number {
  const mod = bytes[at] >> 6;
  const rm = bytes[at] & 7;
  const sib = rm === 4 && mod !== 3 ? 1 : 0;
  const displacement = mod === 1 ? 1 : mod === 2 || (mod === 0 && rm === 5) ? 4 : 0;
  return 1 + sib + displacement;
}
