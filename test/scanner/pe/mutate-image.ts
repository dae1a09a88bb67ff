/** Seeded damage to images, the same for the same seed, so that a failure can be replayed. */

/** A small generator (mulberry32): numbers from 0 to below 1. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values at which sizes, counts and offsets go wrong. */
const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 0xff, 0x100, 0xfff, 0x1000, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
  0xfffffff0, 0xffffffff,
];

/** A copy with one to eight changes: flipped bits, edge values, other bytes of the file, cuts; half hit the headers. */
export function mutateImage(bytes: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  let damaged = bytes.slice();
  for (let change = upTo(8); change >= 0; change--) {
    const within = random() < 0.5 ? Math.min(0x400, damaged.length) : damaged.length;
    const at = upTo(Math.max(1, within - 8));
    const view = new DataView(damaged.buffer, damaged.byteOffset, damaged.length);
    const kind = upTo(20);
    if (damaged.length < 16) break;
    if (kind < 6) damaged[at] ^= 1 << upTo(8);
    else if (kind < 11) view.setUint32(at & ~3, EDGES[upTo(EDGES.length)], true);
    else if (kind < 14) view.setUint16(at & ~1, EDGES[upTo(EDGES.length)] & 0xffff, true);
    else if (kind < 16) view.setUint32(at & ~3, upTo(0x8000), true);
    else if (kind < 18) damaged.copyWithin(at, upTo(damaged.length), upTo(damaged.length));
    else if (kind < 19) damaged.fill(upTo(256), at, at + upTo(64));
    else if (upTo(8) === 0) damaged = damaged.slice(0, upTo(damaged.length));
  }
  return damaged;
}
