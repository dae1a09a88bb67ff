/** Which function holds an address: from .pdata where the image has it, from calls and prologues where it has not. */
import type { DriverImage, FunctionRange, Section } from '../../pe/image-facts.ts';
import { lastAddressNotAbove, sectionOf } from '../bytes/address-search.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import type { CodePiece } from '../bytes/code-piece.ts';
import { exceptionScopes } from '../bytes/exception-scopes.ts';
import { readInt32 } from '../bytes/little-endian.ts';
import { guardedCode, scopesBetween } from '../processors/x86/scope-tables.ts';
import { importThunks, unlistedStarts } from './function-starts.ts';

export interface FunctionMap {
  /** RVA where the function that holds this address begins; undefined outside code. */
  functionAt(rva: number): number | undefined;
  /** The function's stretches of code, the one with its entry first. */
  pieces(functionRva: number): CodePiece[];
  /** The slot that a thunk at this address jumps through (`jmp [import]`), or undefined where there is none. */
  thunkSlot(rva: number): number | undefined;
  /** Whether .pdata names the function (otherwise its start was worked out). */
  isListed(functionRva: number): boolean;
}

/** Addresses of code are kept in 32 bits with a sign; Windows maps no image of more than 2 GB. */
const MAX_IMAGE_BYTES = 0x8000_0000;

/** The map of an image. */
export function mapFunctions(image: DriverImage, index: CodeIndex): FunctionMap {
  const code = image.sections.filter(
    ({ executable, rva, bytes }) => executable && rva + bytes.length <= MAX_IMAGE_BYTES,
  );
  const listed = image.functionRanges;
  const begins = Uint32Array.from(listed, range => range.beginRva);
  const chained = chainedPieces(listed);
  const guarded = image.arch === 'x86' ? guardedCode(image, code) : [];
  const parts = new Set(guarded.flatMap(table => table.parts));
  const starts = unlistedStarts(image, index, code, parts);

  function rangeAt(rva: number): FunctionRange | undefined {
    const at = lastAddressNotAbove(begins, rva);
    return at >= 0 && rva < listed[at].endRva ? listed[at] : undefined;
  }

  function unlistedAt(rva: number): number | undefined {
    const at = lastAddressNotAbove(starts, rva);
    if (at < 0) return undefined;
    const section = sectionOf(code, starts[at]);
    return section !== undefined && rva < section.rva + section.bytes.length ? starts[at] : undefined;
  }

  /** An unlisted function ends where the next function of either sort begins. */
  function unlistedEnd(functionRva: number, section: Section): number {
    const nextStart = starts[lastAddressNotAbove(starts, functionRva) + 1] ?? Infinity;
    const nextListed = begins[lastAddressNotAbove(begins, functionRva) + 1] ?? Infinity;
    return Math.min(nextStart, nextListed, section.rva + section.bytes.length);
  }

  function pieceOf(range: FunctionRange): CodePiece[] {
    const { beginRva, endRva } = range;
    const section = sectionOf(code, beginRva);
    if (section === undefined) return [];
    const scopes = exceptionScopes(image, range);
    return [{ section, beginRva, endRva: Math.min(endRva, section.rva + section.bytes.length), scopes }];
  }

  let slotsByThunk: Map<number, number> | undefined;
  return {
    thunkSlot(rva) {
      if (image.arch !== 'arm64') return jumpSlot(image, code, rva);
      slotsByThunk ??= importThunks(image, index, code);
      return slotsByThunk.get(rva);
    },
    functionAt: rva => rangeAt(rva)?.functionRva ?? unlistedAt(rva),
    isListed: functionRva => rangeAt(functionRva) !== undefined,
    pieces(functionRva) {
      const own = rangeAt(functionRva);
      const isOwn = own?.beginRva === functionRva && own.functionRva === functionRva;
      const more = chained.get(functionRva);
      if (isOwn || more !== undefined) {
        if (isOwn && more === undefined) return pieceOf(own); // nearly always
        return (isOwn ? [own, ...(more ?? [])] : (more ?? [])).flatMap(pieceOf);
      }
      const section = sectionOf(code, functionRva);
      if (section === undefined) return [];
      const endRva = unlistedEnd(functionRva, section);
      const scopes = scopesBetween(guarded, functionRva, endRva);
      return [{ section, beginRva: functionRva, endRva, scopes }];
    },
  };
}

/** The slot of `jmp [slot]` at an address: what calls that calls what the slot holds, whatever stands before it. */
function jumpSlot(image: DriverImage, code: Section[], rva: number): number | undefined {
  const section = sectionOf(code, rva);
  if (section === undefined) return undefined;
  const { bytes } = section;
  const offset = rva - section.rva;
  const opcode = offset + (bytes[offset] === 0x48 ? 1 : 0);
  if (bytes[opcode] !== 0xff || bytes[opcode + 1] !== 0x25 || opcode + 6 > bytes.length) return undefined;
  const operand = readInt32(bytes, opcode + 2);
  return image.arch === 'x86' ? (operand - image.imageBase) | 0 : (section.rva + opcode + 6 + operand) | 0;
}

/** The pieces that stand apart from their function's beginning, by function: few functions have any. */
function chainedPieces(listed: readonly FunctionRange[]): Map<number, FunctionRange[]> {
  const pieces = new Map<number, FunctionRange[]>();
  for (let n = 0; n < listed.length; n++) {
    const range = listed[n];
    if (range.beginRva === range.functionRva) continue;
    const known = pieces.get(range.functionRva);
    if (known === undefined) pieces.set(range.functionRva, [range]);
    else known.push(range);
  }
  return pieces;
}
