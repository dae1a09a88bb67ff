/** Where functions begin that .pdata does not list: on x86 all of them, elsewhere leaf functions. */
import type { DriverImage, FunctionRange, Section } from '../pe/image-facts.ts';
import { lastNotAbove, sectionOf } from './address-search.ts';
import type { CodeIndex } from './code-index.ts';
import { readInt32 } from './little-endian.ts';

/**
 * Starts in ascending order: the entry point, exports, call targets, function pointers, prologues behind padding, and
 * what stands between two listed functions. Handlers of exceptions are `parts` of functions and begin none.
 */
export function unlistedStarts(
  image: DriverImage,
  index: CodeIndex,
  code: Section[],
  parts: ReadonlySet<number>,
): Uint32Array {
  const listed = image.functionRanges;
  const isX86 = image.arch === 'x86';
  const begins = Uint32Array.from(listed, range => range.beginRva);
  const found = new Set<number>();
  /** False where a function may begin, but what stands before does not look like it. */
  const offer = (rva: number, isCertain: boolean): boolean => {
    const section = sectionOf(code, rva);
    if (section === undefined || (image.arch === 'arm64' && (rva & 3) !== 0)) return true;
    const at = lastNotAbove(begins.length, i => begins[i], rva);
    if (at >= 0 && rva < listed[at].endRva) return true;
    if (!isCertain && parts.has(rva)) return true;
    const mayBegin = image.arch === 'arm64' ? mayBeginArm64 : mayBeginFunction;
    const isBeginning = isCertain || mayBegin(section.bytes, rva - section.rva);
    if (isBeginning) found.add(rva);
    return isBeginning;
  };
  offer(image.entryPointRva, true);
  for (const { rva } of image.exports) offer(rva, true);
  for (const rva of index.callTargets())
    if (!offer(rva, false) && image.arch !== 'arm64' && isCalledByTwo(index, code, rva)) found.add(rva);
  for (const [rva] of importThunks(image, index, code)) offer(rva, false);
  for (const rva of functionPointers(image, code)) offer(rva, false);
  if (!isX86) for (const rva of index.referencedAddresses()) offer(rva, false);
  for (const rva of gapStarts(listed, code)) offer(rva, false);
  for (const section of image.arch === 'arm64' ? [] : code) {
    offer(section.rva, true);
    for (const rva of afterPadding(section, isX86)) offer(rva, true);
  }
  // What is added on the way is visited, too: a jump in such a row may lead to another.
  for (const rva of found) {
    const target = image.arch === 'arm64' ? jumpTargetArm64(code, rva) : jumpTarget(code, rva);
    if (target === undefined) continue;
    offer(target, true);
    // The rows stand side by side, and some are only jumped to.
    const next = rva + (image.arch === 'arm64' ? 4 : 5);
    const further = image.arch === 'arm64' ? jumpTargetArm64(code, next) : jumpTarget(code, next);
    if (further !== undefined && sectionOf(code, further) !== undefined) offer(next, true);
  }
  const starts = Uint32Array.from(found).sort();
  if (image.arch === 'arm64') return starts;
  for (const rva of tailJumpTargets(index, starts, code)) offer(rva, true);
  return Uint32Array.from(found).sort();
}

/**
 * Functions that only tail jumps reach, without padding before them: one begins where the code before has ended, registers
 * are saved, and the jump comes from beyond another function's start.
 */
function* tailJumpTargets(index: CodeIndex, starts: Uint32Array, code: Section[]): Generator<number> {
  for (const target of index.jumpTargets()) {
    const section = sectionOf(code, target);
    if (section === undefined) continue;
    const offset = target - section.rva;
    if (!savesRegister(section.bytes, offset) || !isBehindReturn(section.bytes, offset)) continue;
    const own = lastNotAbove(starts.length, i => starts[i], target);
    if (starts[own] === target) continue;
    const isFromElsewhere = (site: number) => lastNotAbove(starts.length, i => starts[i], site) !== own;
    if (index.callersOf(target).some(isFromElsewhere)) yield target;
  }
}

/** push of ebx, ebp, esi, edi or r12 to r15, or room made on the stack; behind `mov edi, edi` as well. */
function savesRegister(bytes: Uint8Array, start: number): boolean {
  const offset = bytes[start] === 0x8b && bytes[start + 1] === 0xff ? start + 2 : start;
  const first = bytes[offset];
  const next = bytes[offset + 1];
  if (first === 0x53 || (first >= 0x55 && first <= 0x57)) return true;
  if (first === 0x83 || first === 0x81) return next === 0xec; // sub esp
  if (first === 0x41) return next >= 0x54 && next <= 0x57;
  return first === 0x48 && (next === 0x83 || next === 0x81) && bytes[offset + 2] === 0xec;
}

/**
 * Whether two calls lead to code that saves a register first: a function, also where a table of a switch stands before it. One
 * such call may be chance bytes.
 */
function isCalledByTwo(index: CodeIndex, code: Section[], target: number): boolean {
  const section = sectionOf(code, target);
  if (section === undefined || !savesRegister(section.bytes, target - section.rva)) return false;
  const isCall = (site: number) => {
    const from = sectionOf(code, site);
    return from !== undefined && from.bytes[site - from.rva] === 0xe8;
  };
  return index.callersOf(target).filter(isCall).length > 1;
}

/** A return or a jump ends right before this offset, or before the int3 that stand there. */
function isBehindReturn(bytes: Uint8Array, start: number): boolean {
  let offset = start;
  while (offset > 0 && start - offset < ALIGNMENT && bytes[offset - 1] === 0xcc) offset--;
  if (offset >= 1 && bytes[offset - 1] === 0xc3) return true;
  return offset >= 5 && (bytes[offset - 3] === 0xc2 || bytes[offset - 5] === 0xe9);
}

/** Where a start that is nothing but a jump leads: the rows of `jmp` that incremental linking makes. */
function jumpTarget(code: Section[], rva: number): number | undefined {
  const section = sectionOf(code, rva);
  const offset = section === undefined ? 0 : rva - section.rva;
  if (section === undefined || section.bytes[offset] !== 0xe9 || offset + 5 > section.bytes.length)
    return undefined;
  return (rva + 5 + readInt32(section.bytes, offset + 1)) | 0;
}

/** The same on ARM64: `b`. */
function jumpTargetArm64(code: Section[], rva: number): number | undefined {
  const section = sectionOf(code, rva);
  if (section === undefined || rva - section.rva + 4 > section.bytes.length) return undefined;
  const word = readInt32(section.bytes, rva - section.rva);
  return (word & 0xfc000000) === 0x14000000 ? (rva + ((word << 6) >> 4)) | 0 : undefined;
}

/** `jmp [import]` with the slot of each: thunks stand in rows, and some are only jumped to. ARM64's `adrp x16` begins one. */
export function* importThunks(
  image: DriverImage,
  index: CodeIndex,
  code: Section[],
): Generator<[rva: number, slotRva: number]> {
  for (const { slotRva } of image.imports) {
    for (const at of index.referencesTo(slotRva)) {
      const section = sectionOf(code, at);
      if (section === undefined) continue;
      const { bytes } = section;
      const offset = at - section.rva;
      if (image.arch === 'arm64') {
        if (offset >= 4 && (readInt32(bytes, offset - 4) & 0x9f00001f) >>> 0 === 0x90000010)
          yield [at - 4, slotRva];
      } else if (offset >= 2 && bytes[offset - 2] === 0xff && bytes[offset - 1] === 0x25) {
        const start = offset - (offset >= 3 && bytes[offset - 3] === 0x48 ? 3 : 2);
        if (isBehindThunk(bytes, start)) yield [section.rva + start, slotRva];
      }
    }
  }
}

/** Whether padding or another thunk ends here; anything else is the body of a function that ends in a tail call. */
function isBehindThunk(bytes: Uint8Array, offset: number): boolean {
  const before = bytes[offset - 1];
  if (offset === 0 || before === 0xcc || before === 0x90 || isBehindTrap(bytes, offset)) return true;
  return offset >= 6 && bytes[offset - 6] === 0xff && bytes[offset - 5] === 0x25;
}

/** Code between two listed functions, behind its padding. */
function* gapStarts(listed: readonly FunctionRange[], code: Section[]): Generator<number> {
  for (let i = 0; i + 1 < listed.length; i++) {
    const end = listed[i].endRva;
    const next = listed[i + 1].beginRva;
    const section = end < next ? sectionOf(code, end) : undefined;
    if (section === undefined) continue;
    let rva = end;
    while (rva < next && isPadding(section.bytes[rva - section.rva])) rva++;
    if (rva < next) yield rva;
  }
}

function isPadding(byte: number): boolean {
  return byte === 0xcc || byte === 0x90 || byte === 0;
}

/** Addresses of code that the loader relocates, less the entries of jump tables: those lead into functions. */
function* functionPointers(image: DriverImage, code: Section[]): Generator<number> {
  const inTables = image.arch === 'x86' ? jumpTableEntries(image, code) : new Set();
  for (const at of image.relocations) {
    if (inTables.has(at)) continue;
    const target = image.pointerAt(at);
    if (target !== undefined) yield target;
  }
}

/** Whether the displacement at `offset` is that of [table + register*4], in anything but a call. */
function readsTable(bytes: Uint8Array, offset: number): boolean {
  const modrm = bytes[offset - 2];
  const isScaledByFour = (modrm & 0xc7) === 0x04 && (bytes[offset - 1] & 0xc7) === 0x85;
  const isCall = bytes[offset - 3] === 0xff && ((modrm >> 3) & 7) === 2;
  return isScaledByFour && !isCall;
}

/** RVAs of the entries of jump tables: relocated pointers in a row that code reads by an index. */
function jumpTableEntries(image: DriverImage, code: Section[]): Set<number> {
  const { relocations } = image;
  const entries = new Set<number>();
  for (let i = 0; i < relocations.length; i++) {
    const at = relocations[i];
    const section = sectionOf(code, at);
    if (section === undefined) continue;
    const { bytes } = section;
    const offset = at - section.rva;
    const isTableJump = offset >= 3 && readsTable(bytes, offset);
    const table = isTableJump ? ((readInt32(bytes, offset) >>> 0) - image.imageBase) | 0 : 0;
    const first = isTableJump ? lastNotAbove(relocations.length, n => relocations[n], table) : -1;
    for (let n = first; n >= 0 && relocations[n] === table + 4 * (n - first); n++)
      entries.add(relocations[n]);
  }
  return entries;
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
  return isBehindTrap(bytes, offset) || isLongNop(bytes, offset);
}

/** Behind `ud2` or `int 29h` (fast fail): where a function ends that cannot go on. */
function isBehindTrap(bytes: Uint8Array, offset: number): boolean {
  if (offset < 2) return false;
  const [first, second] = [bytes[offset - 2], bytes[offset - 1]];
  return (first === 0x0f && second === 0x0b) || (first === 0xcd && second === 0x29);
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
function* afterPadding({ bytes, rva }: Section, isX86: boolean): Generator<number> {
  const end = bytes.length - 3;
  for (let p = ALIGNMENT - (rva % ALIGNMENT); p < end; p += ALIGNMENT) {
    if (bytes[p - 1] === 0xcc && bytes[p] !== 0xcc && isInt3Padding(bytes, p)) yield rva + p;
  }
  for (let p = 1; isX86 && p < end; p++) {
    if (STARTS_PROLOGUE[bytes[p]] === 0 || !hasPrologue(bytes, p)) continue;
    const before = bytes[p - 1];
    const isBehindEnd =
      before === 0xc3 || before === 0x90 || before === 0xcc || (p >= 3 && bytes[p - 3] === 0xc2);
    if (isBehindEnd) yield rva + p;
  }
}

/** What linkers align functions to when they pad with int3. */
const ALIGNMENT = 16;
/** push ebp, and mov edi, edi before it. */
const STARTS_PROLOGUE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0x55 || byte === 0x8b ? 1 : 0,
);

/** Whether the ARM64 instruction before this offset ends a function or pads. */
function mayBeginArm64(bytes: Uint8Array, offset: number): boolean {
  if (offset < 4) return true;
  const before = readInt32(bytes, offset - 4);
  const isReturnOrJump = (before & 0xff9ffc1f) >>> 0 === 0xd61f0000 || (before & 0xfc000000) === 0x14000000;
  return (
    isReturnOrJump ||
    before === 0 ||
    before >>> 0 === 0xd503201f ||
    before >>> 0 === 0xcccccccc || // padding of linkers that fill every processor's code alike
    (before & 0xffe0001f) >>> 0 === 0xd4200000 ||
    isCallOrData(before)
  );
}

/** A call that never returns, a literal, or the last word of a packed function's tail. */
function isCallOrData(word: number): boolean {
  return (word & 0xfc000000) >>> 0 === 0x94000000 || ((word >>> 25) & 15) < 4;
}

/** Whether the int3 before this offset is padding and not a byte of an instruction: two of them, or one behind an end. */
function isInt3Padding(bytes: Uint8Array, offset: number): boolean {
  if (offset < 6 || bytes[offset - 2] === 0xcc || bytes[offset - 2] === 0xc3) return true;
  return bytes[offset - 4] === 0xc2 || bytes[offset - 6] === 0xe9;
}
