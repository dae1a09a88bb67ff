/**
 * One pass over every executable section that notes who calls whom and who refers to which address. It reads raw bytes
 * at every position, so what it finds are candidates: decoding the function that holds them decides.
 */
import type { DriverImage, Section } from '../../pe/image-facts.ts';
import { sectionOf } from './address-search.ts';
import { readInt32 } from './little-endian.ts';
import { ReferenceTable } from './reference-table.ts';

/** Candidates of one image. All addresses are RVAs. */
export interface CodeIndex {
  /** Calls and jumps (E8 and E9, BL and B) that lead to this address. */
  callersOf(targetRva: number): number[];
  /** Every address that a call leads to, ascending, without doubles. */
  callTargets(): Uint32Array;
  /** Every address that a jump far enough away leads to, ascending, without doubles. */
  jumpTargets(): Uint32Array;
  /** Instructions (or bytes inside them) that name this address as data: loads, stores, `lea`, indirect calls. */
  referencesTo(rva: number): number[];
  /** Every address that code names as data, ascending, without doubles. */
  referencedAddresses(): Uint32Array;
  /** The lowest address from `rva` on that code names, below `limitRva`; else `limitRva`. */
  nextReference(rva: number, limitRva: number): number;
}

/** The index over its tables; `shortJumpsTo` finds the jumps that are too many and too short to be kept in one. */
export function codeIndex(
  calls: ReferenceTable,
  jumps: ReferenceTable,
  data: ReferenceTable,
  shortJumpsTo: (targetRva: number) => number[] = () => [],
): CodeIndex {
  return {
    callersOf: target => [...calls.sitesOf(target), ...jumps.sitesOf(target), ...shortJumpsTo(target)],
    callTargets: () => calls.targets(),
    jumpTargets: () => jumps.targets(),
    referencesTo: rva => data.sitesOf(rva),
    referencedAddresses: () => data.targets(),
    nextReference: (rva, limitRva) => data.nextTarget(rva, limitRva),
  };
}

/** Conditional branches within a function seldom go further; one that does may be a conditional tail call. */
const MAX_NEAR_BRANCH = 512;

/** What the four bytes behind a byte of code may be. */
const Following = { nothing: 0, call: 1, jump: 2, branch: 3, data: 4 } as const;

/** By byte: one look tells for nine bytes in ten that nothing follows. */
const FOLLOWS_X86 = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === 0xe8
    ? Following.call
    : byte === 0xe9
      ? Following.jump
      : byte === 0x0f
        ? Following.branch // where 80 to 8F comes next
        : Following.nothing,
);
/** ModRM with mod 0 and rm 5 is relative to the instruction pointer. */
const FOLLOWS_X64 = FOLLOWS_X86.map((kind, byte) => ((byte & 0xc7) === 0x05 ? Following.data : kind));

/** Scans x86 and x64 code. */
export function indexX86Code(image: DriverImage): CodeIndex {
  const code = image.sections.filter(section => section.executable);
  const codeBytes = code.reduce((sum, section) => sum + section.bytes.length, 0);
  const lowRva = code.length === 0 ? 0 : code[0].rva;
  const highRva = code.reduce((high, section) => Math.max(high, section.rva + section.bytes.length), lowRva);
  const imageEnd = image.sections.reduce(
    (high, { rva, virtualSize }) => Math.max(high, rva + virtualSize),
    highRva,
  );
  const calls = new ReferenceTable(codeBytes);
  const jumps = new ReferenceTable(codeBytes >>> 2);
  const data = new ReferenceTable(codeBytes);
  const isRelative = image.arch === 'x64';
  const tables = { calls, jumps, data, lowRva, highRva, imageEnd };
  for (const section of code) noteReferences(section, isRelative ? FOLLOWS_X64 : FOLLOWS_X86, tables);
  if (!isRelative) addAbsolute(image, data, imageEnd);
  return codeIndex(calls, jumps, data, target => shortJumpsTo(code, target));
}

/** What a pass over a section fills, and where code and the image begin and end. */
interface X86Tables {
  calls: ReferenceTable;
  jumps: ReferenceTable;
  data: ReferenceTable;
  lowRva: number;
  highRva: number;
  imageEnd: number;
}

/**
 * The hottest loop over bytes has a function of its own: V8 compiles it while it runs, and throws that away at the first step
 * behind the loop that it has not seen before.
 */
function noteReferences({ bytes, rva }: Section, follows: Uint8Array, tables: X86Tables): void {
  const { calls, jumps, data, lowRva, highRva, imageEnd } = tables;
  const last = bytes.length - 4;
  for (let p = 0; p < last; p++) {
    const kind = follows[bytes[p]];
    if (kind === Following.nothing) continue;
    const isBranch = kind === Following.branch;
    if (isBranch && ((bytes[p + 1] & 0xf0) !== 0x80 || p + 1 === last)) continue;
    const at = isBranch ? p + 2 : p + 1;
    const value = readInt32(bytes, at);
    const target = (value + rva + at + 4) | 0;
    if (target < 0 || target >= imageEnd) continue;
    if (kind === Following.data) {
      if (mayBeOperand(bytes, p)) data.add(target, rva + at);
    } else if (target < lowRva || target >= highRva) continue;
    else if (kind === Following.call) {
      // One that is none for all that is known may lead to a function, as a jump may, but makes no start of one.
      if (value !== 0) (isDisplacement(bytes, p) ? jumps : calls).add(target, rva + p);
    } else if (!isBranch || value > MAX_NEAR_BRANCH || value < -MAX_NEAR_BRANCH) jumps.add(target, rva + p);
  }
}

/**
 * Whether an opcode that has operands stands before this ModRM byte. In `jmp +15h; mov ecx, 9` one seems to be, and what it
 * would refer to may be an element of a table, which would end there.
 */
function mayBeOperand(bytes: Uint8Array, p: number): boolean {
  if (p < 5) return true;
  if (TAKES_OPERAND[bytes[p - 1]] !== 0 || bytes[p - 2] === 0x0f) return true;
  const third = bytes[p - 3];
  if (third === 0xc5 || (third === 0x0f && (bytes[p - 2] === 0x38 || bytes[p - 2] === 0x3a))) return true;
  return bytes[p - 4] === 0xc4 || bytes[p - 5] === 0x62; // VEX, EVEX
}

/** Opcodes of one byte that a ModRM byte follows. */
const TAKES_OPERAND = Uint8Array.from({ length: 256 }, (_, opcode) =>
  opcode < 0x40 ? Number((opcode & 7) < 4) : Number(opcode >= 0x80 && opcode < 0x90),
);
for (const opcode of [0x63, 0x69, 0x6b, 0xc0, 0xc1, 0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff])
  TAKES_OPERAND[opcode] = 1;
TAKES_OPERAND.fill(1, 0xd0, 0xd4);
TAKES_OPERAND.fill(1, 0xd8, 0xe0);

/**
 * Whether the E8 here is the -18h of an instruction with [ebp-18h], which every function with a frame pointer is full of:
 * `mov [ebp-18h], 0` holds the bytes of a call of what comes next.
 */
function isDisplacement(bytes: Uint8Array, p: number): boolean {
  if (p < 2 || (bytes[p - 1] & 0xc7) !== 0x45) return false;
  return HAS_OPERAND[bytes[p - 2]] !== 0;
}

/**
 * Opcodes before the ModRM byte of compilers' most common instructions: arithmetic, mov, lea, push, x87, and movzx, movsx.
 * None that is a character: `mov r8d, 'mklS'` before a call ends in "km", which reads like one, too.
 */
const HAS_OPERAND = new Uint8Array(256);
for (const opcode of [0x80, 0x81, 0x83, 0xc6, 0xc7, 0xff, 0xf6, 0xf7]) HAS_OPERAND[opcode] = 1;
HAS_OPERAND.fill(1, 0x84, 0x8e);
HAS_OPERAND.fill(1, 0xd8, 0xe0);
for (let row = 0; row < 0x20; row += 8) HAS_OPERAND.fill(1, row, row + 4);
for (const second of [0xaf, 0xb6, 0xb7, 0xbe, 0xbf]) HAS_OPERAND[second] = 1;

/** `jmp rel8` near its target: how a function tail-calls its neighbour. */
function shortJumpsTo(code: readonly Section[], targetRva: number): number[] {
  const section = sectionOf(code, targetRva);
  if (section === undefined) return [];
  const { bytes, rva } = section;
  const target = targetRva - rva;
  const sites: number[] = [];
  for (let p = Math.max(0, target - 129); p <= Math.min(bytes.length - 2, target + 126); p++) {
    if (bytes[p] === 0xeb && p + 2 + ((bytes[p + 1] << 24) >> 24) === target) sites.push(rva + p);
  }
  return sites;
}

/** On x86 the loader's relocations name every address in code; without them every four bytes may be one. */
function addAbsolute(image: DriverImage, data: ReferenceTable, imageEnd: number): void {
  const base = image.imageBase | 0;
  const { relocations } = image;
  for (const { bytes, rva, executable } of image.sections) {
    if (!executable) continue;
    const last = bytes.length - 4;
    if (relocations.length === 0) {
      for (let offset = 0; offset <= last; offset++) addAt(bytes, offset, rva);
    } else {
      for (let i = 0; i < relocations.length; i++) {
        const offset = relocations[i] - rva;
        if (offset >= 0 && offset <= last) addAt(bytes, offset, rva);
      }
    }
  }

  function addAt(bytes: Uint8Array, offset: number, rva: number): void {
    const target = (readInt32(bytes, offset) - base) | 0;
    if (target > 0 && target < imageEnd) data.add(target, rva + offset);
  }
}
