/** Where functions begin that .pdata does not list: on x86 all of them, elsewhere leaf functions. */
import type { DriverImage, FunctionRange, Section } from '../../pe/image-facts.ts';
import { lastAddressNotAbove, sectionOf } from '../bytes/address-search.ts';
import type { CodeIndex } from '../bytes/code-index.ts';
import {
  ALIGNMENT,
  afterPadding,
  isBehindReturn,
  isBehindThunk,
  isPadding,
  mayBeginArm64,
  mayBeginFunction,
  mayEndBefore,
  savesRegister,
} from '../bytes/function-beginnings.ts';
import { readInt32 } from '../bytes/little-endian.ts';
import { jumpTableEntries } from './jump-table-entries.ts';

const NO_ADDRESSES = new Uint32Array(0);

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
  const isListed = (rva: number) => {
    const at = lastAddressNotAbove(begins, rva);
    return at >= 0 && rva < listed[at].endRva;
  };
  /** False where a function may begin, but what stands before does not look like it. */
  const offer = (rva: number, isCertain: boolean): boolean => {
    const section = sectionOf(code, rva);
    if (section === undefined || (image.arch === 'arm64' && (rva & 3) !== 0)) return true;
    if (isListed(rva)) return true;
    if (!isCertain && parts.has(rva)) return true;
    const mayBegin = image.arch === 'arm64' ? mayBeginArm64 : mayBeginFunction;
    const isBeginning = isCertain || mayBegin(section.bytes, rva - section.rva);
    if (isBeginning) found.add(rva);
    return isBeginning;
  };
  offer(image.entryPointRva, true);
  for (const { rva } of image.exports) offer(rva, true);
  const called = index.callTargets();
  for (let n = 0; n < called.length; n++) {
    const rva = called[n];
    if (offer(rva, false) || image.arch === 'arm64') continue;
    // Compilers for size put a function right behind the table of a switch, which .pdata counts to the one before it.
    const isBehindListed = listed[lastAddressNotAbove(begins, rva)]?.endRva === rva;
    if (isBehindListed || isCalledByTwo(index, code, rva)) found.add(rva);
  }
  for (const rva of importThunks(image, index, code).keys()) offer(rva, false);
  for (const rva of functionPointers(image, index, code)) offer(rva, false);
  const named = isX86 ? NO_ADDRESSES : index.referencedAddresses();
  for (let n = 0; n < named.length; n++)
    if (image.arch !== 'arm64' || !isSwitchBase(index, code, named[n])) offer(named[n], false);
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
  const leaves = listed.length === 0 ? [] : leafTargets(image.arch, index, code, isListed);
  for (const rva of leaves) offer(rva, true);
  const starts = Uint32Array.from(found).sort();
  if (image.arch === 'arm64') return starts;
  for (const rva of tailJumpTargets(index, starts, code)) offer(rva, true);
  return Uint32Array.from(found).sort();
}

/**
 * Functions that only tail jumps reach, without padding before them: one begins where the code before has ended, registers
 * are saved, and the jump comes from beyond another function's start. Where none is saved, it stands where compilers align
 * functions, and the jump behind registers that are restored: a rare part jumps back to aligned code of its own function, too.
 * A jump from another section (`.text` to `PAGE`) needs neither, since all parts of a function are in one, which may be paged out.
 */
function* tailJumpTargets(index: CodeIndex, starts: Uint32Array, code: Section[]): Generator<number> {
  for (const target of index.jumpTargets()) {
    const section = sectionOf(code, target);
    if (section === undefined) continue;
    const offset = target - section.rva;
    const isSaving = savesRegister(section.bytes, offset);
    const isAligned = target % ALIGNMENT === 0;
    // Where both hold, a short jump or a call that does not return is an end, too.
    const isBehindEnd =
      isBehindReturn(section.bytes, offset) || (isSaving && isAligned && mayEndBefore(section.bytes, offset));
    if (!(isSaving || isAligned || code.length > 1) || !isBehindEnd) continue;
    const own = lastAddressNotAbove(starts, target);
    if (starts[own] === target) continue;
    const isFromElsewhere = (site: number) =>
      sectionOf(code, site) !== section ||
      (lastAddressNotAbove(starts, site) !== own && (isSaving || (isAligned && isBehindRestore(code, site))));
    if (index.callersOf(target).some(isFromElsewhere)) yield target;
  }
}

/**
 * Leaf functions that listed ones jump to when they are done: all other parts of those are listed as well. On x64, where any byte may
 * look like a jump, it must stand behind what empties the frame, and the function behind the end of another.
 */
function* leafTargets(
  arch: DriverImage['arch'],
  index: CodeIndex,
  code: Section[],
  isListed: (rva: number) => boolean,
): Generator<number> {
  for (const target of index.jumpTargets()) {
    const section = isListed(target) ? undefined : sectionOf(code, target);
    if (section === undefined) continue;
    const mayBegin = arch === 'arm64' ? mayBeginArm64 : isBehindReturn;
    if (!mayBegin(section.bytes, target - section.rva)) continue;
    const isLeft = (site: number) =>
      arch === 'arm64' || isBehindRestore(code, site) || isBehindRoom(code, site);
    if (index.callersOf(target).some(site => isListed(site) && isLeft(site))) yield target;
  }
}

/** Behind `add rsp, n`, which takes the function's own room from the stack. */
function isBehindRoom(code: Section[], site: number): boolean {
  const section = sectionOf(code, site);
  if (section === undefined) return false;
  const { bytes } = section;
  const at = site - section.rva;
  const isAdd = (from: number, form: number) =>
    from >= 0 && bytes[from] === 0x48 && bytes[from + 1] === form && bytes[from + 2] === 0xc4;
  return isAdd(at - 4, 0x83) || isAdd(at - 7, 0x81);
}

/** Behind a pop of ebx, ebp, esi or edi (on x64 of r12 to r15 as well): what a tail jump leaves a function by. */
function isBehindRestore(code: Section[], site: number): boolean {
  const section = sectionOf(code, site);
  const before = section?.bytes[site - section.rva - 1];
  return before !== undefined && before >= 0x5b && before <= 0x5f;
}

/**
 * Whether two calls lead to code that saves a register first, or stands where compilers align functions: a function, also where a
 * table of a switch stands before it. One such call may be chance bytes.
 */
function isCalledByTwo(index: CodeIndex, code: Section[], target: number): boolean {
  const section = sectionOf(code, target);
  if (section === undefined) return false;
  if (target % ALIGNMENT !== 0 && !savesRegister(section.bytes, target - section.rva)) return false;
  const isCall = (site: number) => {
    const from = sectionOf(code, site);
    return from !== undefined && from.bytes[site - from.rva] === 0xe8;
  };
  return index.callersOf(target).filter(isCall).length > 1;
}

/** Instructions between ARM64's `adr` of a switch's first case and the `br` that adds a distance to it. */
const MAX_TO_BRANCH = 4;

/** Whether code names an address only to jump to a case of a switch from there: no function begins at it. */
function isSwitchBase(index: CodeIndex, code: Section[], rva: number): boolean {
  const sites = index.referencesTo(rva);
  return sites.length === 1 && sectionOf(code, rva) !== undefined && isSwitch(code, sites[0]);
}

function isSwitch(code: Section[], site: number): boolean {
  const section = sectionOf(code, site);
  if (section === undefined) return false;
  const first = site - section.rva;
  const last = Math.min(first + 4 * MAX_TO_BRANCH, section.bytes.length - 4);
  if (first > last || (readInt32(section.bytes, first) & 0x9f000000) !== 0x10000000) return false; // adr
  for (let at = first + 4; at <= last; at += 4)
    if ((readInt32(section.bytes, at) & 0xfffffc1f) >>> 0 === 0xd61f0000) return true; // br
  return false;
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

/** `jmp [import]` by address, with the slot of each: thunks stand in rows, and some are only jumped to. ARM64's `adrp x16` begins one. */
export function importThunks(image: DriverImage, index: CodeIndex, code: Section[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const { slotRva } of image.imports) {
    const sites = index.referencesTo(slotRva);
    for (let n = 0; n < sites.length; n++) {
      const at = sites[n];
      const section = sectionOf(code, at);
      if (section === undefined) continue;
      const { bytes } = section;
      const offset = at - section.rva;
      if (image.arch === 'arm64') {
        if (offset >= 4 && (readInt32(bytes, offset - 4) & 0x9f00001f) >>> 0 === 0x90000010)
          slots.set(at - 4, slotRva);
      } else if (offset >= 2 && bytes[offset - 2] === 0xff && bytes[offset - 1] === 0x25) {
        const start = offset - (offset >= 3 && bytes[offset - 3] === 0x48 ? 3 : 2);
        if (isBehindThunk(bytes, start)) slots.set(section.rva + start, slotRva);
      }
    }
  }
  return slots;
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

/** Addresses of code that the loader relocates, less the entries of jump tables: those lead into functions. */
function* functionPointers(image: DriverImage, index: CodeIndex, code: Section[]): Generator<number> {
  const inTables = image.arch === 'x86' ? jumpTableEntries(image, index, code) : new Set();
  for (const at of image.relocations) {
    if (inTables.has(at)) continue;
    const target = image.pointerAt(at);
    if (target !== undefined) yield target;
  }
}
