/**
 * Code that stores four bytes, or calls, at a certain distance behind a register: where the fields and the operations of
 * objects may be used. It reads raw bytes, so what it finds are candidates: decoding the function decides.
 */
import type { DriverImage } from '../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import { looksLikeTag } from './static-memory.ts';

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
/** A tag is loaded within this many bytes before the call that it goes to. */
const TAG_WITHIN = 96;
/** Code that names a table, or stores into an object, passes a tag to what is called next. */
const TAG_AHEAD = 48;

/** RVAs of the candidates. */
export function displacementSites(image: DriverImage, wanted: WantedDistances): number[] {
  if (wanted.stores.size + wanted.calls.size === 0) return [];
  const counts = new Map<number, number>();
  const sites: number[] = [];
  const isNear = image.arch === 'arm64' ? isTagNearArm64 : isTagNearX86;
  const offer = (distance: number, rva: number, bytes: Uint8Array, p: number) => {
    const count = (counts.get(distance) ?? 0) + 1;
    counts.set(distance, count);
    if (sites.length < MAX_SITES && (count <= MAX_PLAIN_SITES || isNear(bytes, p))) sites.push(rva);
  };
  for (const section of image.sections) {
    if (!section.executable) continue;
    if (image.arch === 'arm64') arm64Sites(section.bytes, section.rva, wanted, offer);
    else x86Sites(section.bytes, section.rva, image.arch === 'x64', wanted, offer);
  }
  return sites;
}

/** Whether something that reads like a tag stands in the code shortly before an address. */
export function isTagNear(image: DriverImage, rva: number): boolean {
  const section = image.sectionAt(rva);
  if (section === undefined) return false;
  const at = rva - section.rva;
  return image.arch === 'arm64' ? isTagNearArm64(section.bytes, at & ~3) : isTagNearX86(section.bytes, at);
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
  for (let p = 0; p + 6 < bytes.length; p++) {
    const kind = ACCESS[bytes[p]];
    if (kind === Access.other) continue;
    const isStore = kind === Access.store || kind === Access.storeImmediate;
    const isWide = is64 && (bytes[p - 1] & 0xf8) === 0x48;
    if (isStore && (isWide || bytes[p - 1] === 0x66)) continue;
    if (kind === Access.load && is64 && !isWide) continue;
    const field = bytes[p + 1] & 0x38;
    if (kind === Access.storeImmediate && field !== 0) continue;
    if (kind === Access.call && field !== 0x10 && field !== 0x20) continue;
    const distance = distanceAt(bytes, p + 1);
    if (distance === undefined || !(isStore ? wanted.stores : wanted.calls).has(distance)) continue;
    if (kind === Access.load && !isCalledSoon(bytes, p)) continue;
    offer(distance, rva + p, bytes, p);
  }
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

/** The displacement of a ModRM operand behind a register that is not the stack pointer. */
function distanceAt(bytes: Uint8Array, at: number): number | undefined {
  const mod = bytes[at] >> 6;
  const rm = bytes[at] & 7;
  if (mod === 3 || (mod === 0 && rm === 5)) return undefined;
  const sib = rm === 4 ? 1 : 0;
  if (sib === 1 && (bytes[at + 1] & 0x3f) === 0x24 && mod !== 0 && (bytes[at - 2] & 0xf1) !== 0x41)
    return undefined;
  if (mod === 0) return 0;
  return mod === 1 ? (bytes[at + 1 + sib] << 24) >> 24 : readInt32(bytes, at + 1 + sib);
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

function isTagNearX86(bytes: Uint8Array, p: number): boolean {
  for (let at = Math.max(0, p - TAG_WITHIN); at < p + TAG_AHEAD && at + 4 <= bytes.length; at++) {
    if (looksLikeTag(readInt32(bytes, at)) && isImmediate(bytes, at)) return true;
  }
  return false;
}

/**
 * Whether an instruction may have the four bytes at `at` as its number: the pushes at the beginning of a function read like
 * a tag as well (`AWAVAUAT`).
 */
function isImmediate(bytes: Uint8Array, at: number): boolean {
  for (let back = 1; back <= 7 && back <= at; back++)
    if ((TAKES_NUMBER[bytes[at - back]] & (1 << back)) !== 0) return true;
  return false;
}

/** By opcode: how many bytes behind it a number of four bytes may stand, a bit each. */
const TAKES_NUMBER = Uint8Array.from({ length: 256 }, (_, opcode) => {
  if (opcode >= 0xb8 && opcode <= 0xbf) return (1 << 1) | (1 << 5); // mov; either half of eight bytes
  switch (opcode) {
    case 0x05: // add eax
    case 0x68: // push
      return 1 << 1;
    case 0x81: // add, or
      return 1 << 2;
    case 0x8d: // lea
      return (1 << 2) | (1 << 3);
    case 0xc7: // mov to memory: with an index, and 0, 1 or 4 bytes of distance, or without
      return (1 << 2) | (1 << 3) | (1 << 4) | (1 << 6) | (1 << 7);
  }
  return 0;
});

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
    } else if (kind === (0xf9400000 | 0) && wanted.calls.has(scaled * 8) && isBranchedToSoon(bytes, p)) {
      offer(scaled * 8, rva + p, bytes, p);
    }
  }
}

/** blr or br with any register. */
function isBranchedToSoon(bytes: Uint8Array, p: number): boolean {
  for (let at = p + 4; at < p + CALL_WITHIN && at + 4 <= bytes.length; at += 4) {
    if ((readInt32(bytes, at) & 0xffdffc1f) === (0xd61f0000 | 0)) return true;
  }
  return false;
}

/** movk with two printable bytes, or a load from a literal pool. */
function isTagNearArm64(bytes: Uint8Array, p: number): boolean {
  for (let at = Math.max(0, p - TAG_WITHIN); at < p + TAG_AHEAD && at + 4 <= bytes.length; at += 4) {
    const word = readInt32(bytes, at);
    const half = (word >>> 5) & 0xffff;
    const isHighHalf = (word & 0x7fe00000) === 0x72a00000;
    if (isHighHalf && (half & 0xff) > 0x20 && (half & 0x7f00) > 0x1f00) return true;
    if ((word & 0xff000000) === 0x18000000) return true;
  }
  return false;
}
