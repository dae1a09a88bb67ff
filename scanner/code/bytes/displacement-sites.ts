/**
 * Code that stores four bytes, or calls, at a certain distance behind a register: where the fields and the operations of
 * objects may be used. It reads raw bytes, so what it finds are candidates: decoding the function decides.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { looksLikeTag } from './tag-characters.ts';
import { isTagNearByte } from './tags-in-code.ts';

/** Distances looked for. */
export interface WantedDistances {
  stores: ReadonlySet<number>;
  calls: ReadonlySet<number>;
}

/** More sites of one distance than this are kept only where something like a tag stands near them. */
const MAX_PLAIN_SITES = 100;
/** All in all: hostile code may repeat one instruction a million times. */
const MAX_SITES = 20_000;
/** A pointer that is loaded is called within this many bytes. */
const CALL_WITHIN = 64;
/** A number of eight bytes is stored within this many bytes of the register that is given it. */
const PAIR_WITHIN = 40;

/** RVAs of the candidates. */
export function displacementSites(image: DriverImage, wanted: WantedDistances): number[] {
  if (wanted.stores.size + wanted.calls.size === 0) return [];
  const counts = new Map<number, number>();
  const sites: number[] = [];
  const offer = (distance: number, rva: number, bytes: Uint8Array, p: number) => {
    const count = (counts.get(distance) ?? 0) + 1;
    counts.set(distance, count);
    if (sites.length < MAX_SITES && (count <= MAX_PLAIN_SITES || isTagNearByte(image, bytes, p)))
      sites.push(rva);
  };
  for (const section of image.sections) {
    if (!section.executable) continue;
    if (image.arch === 'arm64') arm64Sites(section.bytes, section.rva, wanted, offer);
    else x86Sites(section.bytes, section.rva, image.arch === 'x64', wanted, offer);
  }
  return sites;
}

/** Told of the byte that a candidate stands at, since a function for each would cost more than looking. */
type Offer = (distance: number, rva: number, bytes: Uint8Array, p: number) => void;

function x86Sites(
  bytes: Uint8Array,
  rva: number,
  is64: boolean,
  wanted: WantedDistances,
  offer: Offer,
): void {
  const maybe = maybeWanted(wanted);
  for (let p = 0; p + 6 < bytes.length; p++) {
    const kind = ACCESS[bytes[p]];
    if (kind === Access.other) continue;
    const isStore = kind === Access.store || kind === Access.storeImmediate;
    const distance = distanceAt(bytes, p + 1);
    if (((isStore ? IS_STORED : IS_CALLED) & maybe[distance & (maybe.length - 1)]) === 0) continue;
    const isWide = is64 && (bytes[p - 1] & 0xf8) === 0x48;
    if (kind === Access.store && isWide) {
      const field = fieldInPair(bytes, p, distance, wanted.stores);
      if (field !== NO_DISTANCE) offer(field, rva + p, bytes, p);
      continue;
    }
    if (isStore && (isWide || bytes[p - 1] === 0x66)) continue;
    if (kind === Access.load && is64 && !isWide) continue;
    const field = bytes[p + 1] & 0x38;
    if (kind === Access.storeImmediate && field !== 0) continue;
    if (kind === Access.call && field !== 0x10 && field !== 0x20) continue;
    if (!(isStore ? wanted.stores : wanted.calls).has(distance)) continue;
    if (kind === Access.load && !isCalledSoon(bytes, p)) continue;
    offer(distance, rva + p, bytes, p);
  }
}

const IS_STORED = 1;
const IS_CALLED = 2;

/** By the low bits of a distance: whether stores or calls there may be wanted; for nearly all of them nothing is. */
function maybeWanted({ stores, calls }: WantedDistances): Uint8Array {
  const maybe = new Uint8Array(1024);
  // A store of two fields at once names the first of them.
  for (const distance of stores)
    for (const at of [distance, distance - 4]) maybe[at & (maybe.length - 1)] |= IS_STORED;
  for (const distance of calls) maybe[distance & (maybe.length - 1)] |= IS_CALLED;
  return maybe;
}

const Access = { other: 0, store: 1, storeImmediate: 2, load: 3, call: 4 } as const;
/** By opcode; one look tells for most bytes that they begin nothing of interest. */
const ACCESS = Uint8Array.from({ length: 256 }, (_, opcode) => {
  switch (opcode) {
    case 0x89:
      return Access.store;
    case 0xc7:
      return Access.storeImmediate;
    case 0x8b:
      return Access.load;
    case 0xff:
      return Access.call;
  }
  return Access.other;
});

/** What no operand has. */
const NO_DISTANCE = 0x7fff_ffff;

/** The displacement of a ModRM operand behind a register that is not the stack pointer. */
function distanceAt(bytes: Uint8Array, at: number): number {
  const mod = bytes[at] >> 6;
  const rm = bytes[at] & 7;
  if (mod === 3 || (mod === 0 && rm === 5)) return NO_DISTANCE;
  const sib = rm === 4 ? 1 : 0;
  if (sib === 1 && (bytes[at + 1] & 0x3f) === 0x24 && mod !== 0 && (bytes[at - 2] & 0xf1) !== 0x41)
    return NO_DISTANCE;
  if (mod === 0) return 0;
  return mod === 1 ? (bytes[at + 1 + sib] << 24) >> 24 : readInt32(bytes, at + 1 + sib);
}

/**
 * The wanted field that `mov [reg+distance], r64` fills at p, where the register has just been given both halves of a number of eight
 * bytes, one of them something like a tag: compilers store two fields at once (`size` and `tag`).
 */
function fieldInPair(bytes: Uint8Array, p: number, distance: number, stores: ReadonlySet<number>): number {
  const isWanted = stores.has(distance);
  if (!isWanted && !stores.has((distance + 4) | 0)) return NO_DISTANCE;
  const register = ((bytes[p + 1] >> 3) & 7) | ((bytes[p - 1] & 4) << 1);
  for (let at = p - 11; at >= Math.max(0, p - PAIR_WITHIN); at--) {
    if ((bytes[at] & 0xfe) !== 0x48 || (bytes[at + 1] & 0xf8) !== 0xb8) continue;
    if (((bytes[at + 1] & 7) | ((bytes[at] & 1) << 3)) !== register) continue;
    if (isWanted && looksLikeTag(readInt32(bytes, at + 2))) return distance;
    const isSecond = stores.has((distance + 4) | 0) && looksLikeTag(readInt32(bytes, at + 6));
    return isSecond ? (distance + 4) | 0 : NO_DISTANCE;
  }
  return NO_DISTANCE;
}

/** call reg, jmp reg, or a call or jump through memory: Control Flow Guard's dispatch. */
function isCalledSoon(bytes: Uint8Array, p: number): boolean {
  const end = Math.min(p + CALL_WITHIN, bytes.length - 1);
  for (let at = p + 2; at < end; at++) {
    if (bytes[at] === 0xff && (bytes[at + 1] & 0x38) >= 0x10 && (bytes[at + 1] & 0x38) <= 0x20) return true;
    if (bytes[at] === 0xe8) return true;
  }
  return false;
}

function arm64Sites(bytes: Uint8Array, rva: number, wanted: WantedDistances, offer: Offer): void {
  for (let p = 0; p + 4 <= bytes.length; p += 4) {
    const word = readInt32(bytes, p);
    const scaled = (word >>> 10) & 0xfff;
    const kind = word & 0xffc00000;
    const isStackBase = ((word >>> 5) & 31) === 31;
    if (isStackBase) continue;
    if ((word & 0x7e400000) === 0x28000000 && (word & 0x01800000) !== 0) {
      // stp: two fields at once, of four or of eight bytes.
      const size = word < 0 ? 8 : 4;
      const first = ((word << 10) >> 25) * size;
      for (let lane = 0; lane < 2 * size; lane += 4)
        if (wanted.stores.has(first + lane)) offer(first + lane, rva + p, bytes, p);
      continue;
    }
    if ((word & 0xfe400000) >>> 0 === 0xa8400000) {
      const first = ((word << 10) >> 25) * 8; // ldp
      for (const distance of [first, first + 8])
        if (wanted.calls.has(distance) && isBranchedToSoon(bytes, p)) offer(distance, rva + p, bytes, p);
      continue;
    }
    if (kind === (0xb9000000 | 0)) {
      if (wanted.stores.has(scaled * 4)) offer(scaled * 4, rva + p, bytes, p);
    } else if (kind === (0xf9000000 | 0)) {
      const field = fieldInArm64Pair(bytes, p, scaled * 8, wanted.stores);
      if (field !== NO_DISTANCE) offer(field, rva + p, bytes, p);
    } else if (kind === (0xf9400000 | 0) && wanted.calls.has(scaled * 8) && isBranchedToSoon(bytes, p)) {
      offer(scaled * 8, rva + p, bytes, p);
    }
  }
}

/** The same for `str xn, [xm, #distance]`: the register is given its number two bytes at a time. */
function fieldInArm64Pair(
  bytes: Uint8Array,
  p: number,
  distance: number,
  stores: ReadonlySet<number>,
): number {
  if (!stores.has(distance) && !stores.has(distance + 4)) return NO_DISTANCE;
  const register = readInt32(bytes, p) & 31;
  const halves = [0, 0];
  for (let at = p - 4; at >= Math.max(0, p - PAIR_WITHIN); at -= 4) {
    const word = readInt32(bytes, at);
    const kind = word & 0xff800000;
    if ((word & 31) !== register || (kind !== (0xf2800000 | 0) && kind !== (0xd2800000 | 0))) continue;
    const place = (word >>> 21) & 3;
    halves[place >> 1] |= ((word >>> 5) & 0xffff) << (16 * (place & 1));
    if (kind === (0xd2800000 | 0)) break; // movz, the first of them
  }
  if (stores.has(distance) && looksLikeTag(halves[0])) return distance;
  return stores.has(distance + 4) && looksLikeTag(halves[1]) ? distance + 4 : NO_DISTANCE;
}

/** blr or br with any register. */
function isBranchedToSoon(bytes: Uint8Array, p: number): boolean {
  for (let at = p + 4; at < p + CALL_WITHIN && at + 4 <= bytes.length; at += 4) {
    if ((readInt32(bytes, at) & 0xffdffc1f) === (0xd61f0000 | 0)) return true;
  }
  return false;
}
