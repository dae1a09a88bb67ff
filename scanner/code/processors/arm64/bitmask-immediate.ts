/** The constants of ARM64's logical instructions: a run of ones, rotated and repeated. */

/**
 * The 64-bit value of (N, immr, imms), in halves; undefined where the encoding is reserved.
 * Source: Arm Architecture Reference Manual, DecodeBitMasks.
 */
export function bitmaskImmediate(
  n: number,
  rotate: number,
  ones: number,
): { low: number; high: number } | undefined {
  const length = 31 - Math.clz32((n << 6) | (~ones & 63));
  if (length < 1) return undefined;
  const size = 1 << length;
  const run = (ones & (size - 1)) + 1;
  if (run === size) return undefined;
  const turn = BigInt(rotate & (size - 1));
  const width = BigInt(size);
  const element = (1n << BigInt(run)) - 1n;
  const mask = (1n << width) - 1n;
  const rotated = ((element >> turn) | (element << (width - turn))) & mask;
  let value = 0n;
  for (let at = 0n; at < 64n; at += width) value |= rotated << at;
  return { low: Number(value & 0xffffffffn) | 0, high: Number(value >> 32n) | 0 };
}
