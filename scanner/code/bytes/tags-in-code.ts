/**
 * What in code reads like a tag and may be an instruction's number. It is read off raw bytes, so it says what is worth a look
 * and no more: decoding the function decides.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import type { CodePiece } from './code-piece.ts';
import { readInt32 } from './little-endian.ts';
import { IS_WORD, looksLikeTag } from './tag-characters.ts';

/** A tag is loaded within this many bytes before the call that it goes to. */
const TAG_WITHIN = 96;
/** Code that names a table, or stores into an object, passes a tag to what is called next. */
const TAG_AHEAD = 48;
/** Bytes of one function that are read; a longer one seldom has nothing like a tag. */
const MAX_FUNCTION_BYTES = 4096;

/** Whether something that reads like a tag stands in the code shortly before an address, or behind it. */
export function isTagNear(image: DriverImage, rva: number): boolean {
  const section = image.sectionAt(rva);
  return section !== undefined && isTagNearByte(image, section.bytes, rva - section.rva);
}

/** The same for the byte `at` of a section. */
export function isTagNearByte({ arch }: DriverImage, bytes: Uint8Array, at: number): boolean {
  const middle = arch === 'arm64' ? at & ~3 : at;
  return isTagBetween(arch, bytes, Math.max(0, middle - TAG_WITHIN), middle + TAG_AHEAD);
}

/** Whether something that reads like a tag stands in a stretch of code, or the stretch is too long to be read. */
export function mayHoldTag({ arch }: DriverImage, { section, beginRva, endRva }: CodePiece): boolean {
  if (endRva - beginRva > MAX_FUNCTION_BYTES) return true;
  return isTagBetween(arch, section.bytes, beginRva - section.rva, endRva - section.rva);
}

function isTagBetween(arch: DriverImage['arch'], bytes: Uint8Array, from: number, to: number): boolean {
  const end = Math.min(to, bytes.length - 3);
  return arch === 'arm64' ? isTagInWords(bytes, from, end) : isTagInBytes(bytes, from, end);
}

function isTagInBytes(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; ) {
    const third = bytes[at + 2];
    // No tag has this as one of its first three bytes: none begins at it, or at the two before.
    if (third !== 0x20 && IS_WORD[third] === 0) at += 3;
    else if (looksLikeTag(readInt32(bytes, at)) && isImmediate(bytes, at)) return true;
    else at++;
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

/** ARM64: movk with two printable bytes, or a load from a literal pool. */
function isTagInWords(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at += 4) {
    const word = readInt32(bytes, at);
    const half = (word >>> 5) & 0xffff;
    const isHighHalf = (word & 0x7fe00000) === 0x72a00000;
    if (isHighHalf && (half & 0xff) > 0x20 && (half & 0x7f00) > 0x1f00) return true;
    if ((word & 0xff000000) === 0x18000000) return true;
  }
  return false;
}
