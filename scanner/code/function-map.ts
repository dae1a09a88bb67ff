/** Which function holds an address: from .pdata where the image has it, from calls and prologues where it has not. */
import type { DriverImage, FunctionRange, Section } from '../pe/image-facts.ts';
import type { CodeIndex } from './code-index.ts';
import type { CodePiece } from './function-body.ts';

export interface FunctionMap {
  /** RVA where the function that holds this address begins; undefined outside code. */
  functionAt(rva: number): number | undefined;
  /** The function's stretches of code, the one with its entry first. */
  pieces(functionRva: number): CodePiece[];
  /** Whether .pdata names the function (otherwise its start was worked out). */
  isListed(functionRva: number): boolean;
}

/** The map of an image. `extraStarts` are starts known from elsewhere (function pointers). */
export function mapFunctions(
  image: DriverImage,
  index: CodeIndex,
  extraStarts: Iterable<number>,
): FunctionMap {
  const code = image.sections.filter(section => section.executable);
  const listed = image.functionRanges;
  const parts = piecesByFunction(listed);
  const starts = unlistedStarts(image, index, code, listed, extraStarts);

  function rangeAt(rva: number): FunctionRange | undefined {
    const at = lastNotAbove(listed.length, i => listed[i].beginRva, rva);
    return at >= 0 && rva < listed[at].endRva ? listed[at] : undefined;
  }

  function unlistedAt(rva: number): number | undefined {
    const at = lastNotAbove(starts.length, i => starts[i], rva);
    if (at < 0) return undefined;
    const section = sectionOf(code, starts[at]);
    return section !== undefined && rva < section.rva + section.bytes.length ? starts[at] : undefined;
  }

  /** An unlisted function ends where the next function of either sort begins. */
  function unlistedEnd(functionRva: number, section: Section): number {
    const nextStart = starts[lastNotAbove(starts.length, i => starts[i], functionRva) + 1] ?? Infinity;
    const nextListed =
      listed[lastNotAbove(listed.length, i => listed[i].beginRva, functionRva) + 1]?.beginRva;
    return Math.min(nextStart, nextListed ?? Infinity, section.rva + section.bytes.length);
  }

  return {
    functionAt: rva => rangeAt(rva)?.functionRva ?? unlistedAt(rva),
    isListed: functionRva => rangeAt(functionRva) !== undefined,
    pieces(functionRva) {
      const ranges = parts.get(functionRva);
      if (ranges !== undefined) {
        return ranges.flatMap(({ beginRva, endRva }) => {
          const section = sectionOf(code, beginRva);
          if (section === undefined) return [];
          return [{ section, beginRva, endRva: Math.min(endRva, section.rva + section.bytes.length) }];
        });
      }
      const section = sectionOf(code, functionRva);
      if (section === undefined) return [];
      return [{ section, beginRva: functionRva, endRva: unlistedEnd(functionRva, section) }];
    },
  };
}

function piecesByFunction(listed: readonly FunctionRange[]): Map<number, FunctionRange[]> {
  const parts = new Map<number, FunctionRange[]>();
  for (const range of listed) {
    const known = parts.get(range.functionRva);
    if (known === undefined) parts.set(range.functionRva, [range]);
    else if (range.beginRva === range.functionRva) known.unshift(range);
    else known.push(range);
  }
  return parts;
}

/** Function starts that .pdata does not give: call targets, exports, the entry point, prologues behind padding. */
function unlistedStarts(
  image: DriverImage,
  index: CodeIndex,
  code: Section[],
  listed: readonly FunctionRange[],
  extraStarts: Iterable<number>,
): Uint32Array {
  const found = new Set<number>();
  const offer = (rva: number) => {
    const section = sectionOf(code, rva);
    if (section === undefined) return;
    const at = lastNotAbove(listed.length, i => listed[i].beginRva, rva);
    if (at >= 0 && rva < listed[at].endRva) return;
    found.add(rva);
  };
  offer(image.entryPointRva);
  for (const exported of image.exports) offer(exported.rva);
  for (const rva of extraStarts) offer(rva);
  for (const rva of index.callTargets()) {
    const section = sectionOf(code, rva);
    if (
      section !== undefined &&
      (image.arch === 'arm64' || mayBeginFunction(section.bytes, rva - section.rva))
    )
      offer(rva);
  }
  for (const section of image.arch === 'arm64' ? [] : code) {
    for (const rva of afterPadding(section, image.arch === 'x86')) offer(rva);
  }
  return Uint32Array.from(found).sort();
}

/**
 * Whether code at this offset can be a function's start, judged by what stands before it: the end of another
 * function or its padding. This keeps chance E8 bytes inside a function from cutting it in two.
 */
function mayBeginFunction(bytes: Uint8Array, offset: number): boolean {
  if (offset === 0 || hasPrologue(bytes, offset)) return true;
  const before = bytes[offset - 1];
  if (before === 0xcc || before === 0x90 || before === 0x00 || before === 0xc3) return true;
  if (offset >= 3 && bytes[offset - 3] === 0xc2) return true; // ret imm16
  if (offset >= 5 && (bytes[offset - 5] === 0xe9 || bytes[offset - 5] === 0xe8)) return true; // jmp, or a call that never returns
  if (offset >= 6 && bytes[offset - 6] === 0xff && bytes[offset - 5] === 0x25) return true; // jmp [import]
  if (offset >= 2 && (bytes[offset - 2] === 0xeb || (bytes[offset - 2] === 0xff && (before & 0xf8) === 0xe0)))
    return true;
  return isLongNop(bytes, offset);
}

/** push ebp; mov ebp, esp (with or without the hot-patch instruction before it). */
function hasPrologue(bytes: Uint8Array, offset: number): boolean {
  let at = offset;
  if (bytes[at] === 0x8b && bytes[at + 1] === 0xff) at += 2;
  return (
    bytes[at] === 0x55 &&
    ((bytes[at + 1] === 0x8b && bytes[at + 2] === 0xec) || (bytes[at + 1] === 0x89 && bytes[at + 2] === 0xe5))
  );
}

/** Whether the bytes before `offset` are one of the long nops that gcc and clang pad with. */
function isLongNop(bytes: Uint8Array, offset: number): boolean {
  for (let length = 3; length <= 9 && length <= offset; length++) {
    if (bytes[offset - length] === 0x0f && bytes[offset - length + 1] === 0x1f) return true;
  }
  // lea esi, [esi+0] and its kin
  return offset >= 3 && bytes[offset - 3] === 0x8d && (bytes[offset - 2] & 0xc7) === 0x44;
}

/** Starts that nothing calls: code behind int3 padding, and on x86 prologues behind a return. */
function* afterPadding(section: Section, isX86: boolean): Generator<number> {
  const { bytes, rva } = section;
  for (let p = 1; p < bytes.length - 3; p++) {
    const before = bytes[p - 1];
    if (before === 0xcc && bytes[p] !== 0xcc && ((rva + p) & 15) === 0) yield rva + p;
    else if (isX86 && bytes[p] !== 0x90 && hasPrologue(bytes, p)) {
      const isBehindEnd =
        before === 0xc3 || before === 0x90 || before === 0xcc || (p >= 3 && bytes[p - 3] === 0xc2);
      if (isBehindEnd) yield rva + p;
    }
  }
}

function sectionOf(code: readonly Section[], rva: number): Section | undefined {
  return code.find(section => rva >= section.rva && rva < section.rva + section.bytes.length);
}

/** The greatest index whose key is not above `wanted`, in ascending keys; -1 where there is none. */
function lastNotAbove(count: number, key: (index: number) => number, wanted: number): number {
  let low = 0;
  let high = count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (key(middle) <= wanted) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}
