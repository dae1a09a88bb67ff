/**
 * Which x86 opcodes carry a ModRM byte and which immediate follows: all that is needed to step from one
 * instruction to the next. Source: the opcode maps of the Intel 64 and IA-32 manual, volume 2, appendix A.
 */

/** What follows an opcode (and its ModRM operand). */
export const Follows = {
  nothing: 0,
  byte: 1,
  word: 2,
  /** 2 or 4 bytes after the operand size. */
  operand: 3,
  /** As `operand`, but 8 bytes with REX.W (mov r64, imm64). */
  full: 4,
  /** An address of the address size (mov al, [moffs]). */
  offset: 5,
  relativeByte: 6,
  relative: 7,
  wordAndByte: 8,
  farPointer: 9,
  /** test in group 3 has an immediate, its neighbours have none. */
  group3Byte: 10,
  group3: 11,
} as const;

const MODRM = 0x10;
const INVALID = 0x20;
const INVALID64 = 0x40;
const PREFIX = 0x80;

/** A row of the opcode map: the low four bits are a `Follows`. */
export const OpcodeBit = {
  modrm: MODRM,
  invalid: INVALID,
  invalid64: INVALID64,
  prefix: PREFIX,
  follows: 0x0f,
};

/** The one-byte opcode map. */
export const ONE_BYTE = oneByteMap();
/** The 0F map. */
export const TWO_BYTE = twoByteMap();

function fill(map: Uint8Array, entries: string, value: number): void {
  for (const entry of entries.split(' ')) {
    const [first, last] = entry.split('-').map(hex => Number.parseInt(hex, 16));
    for (let opcode = first; opcode <= (last ?? first); opcode++) map[opcode] = value;
  }
}

function oneByteMap(): Uint8Array {
  const map = new Uint8Array(256);
  for (let row = 0; row < 0x40; row += 8) {
    fill(map, `${row.toString(16)}-${(row + 3).toString(16)}`, MODRM);
    map[row + 4] = Follows.byte;
    map[row + 5] = Follows.operand;
  }
  fill(map, '6 7 e 16 17 1e 1f 27 2f 37 3f 60 61 ce', INVALID64);
  fill(map, '26 2e 36 3e 64-67 f0 f2 f3', PREFIX);
  fill(map, '62 c4 c5', MODRM | INVALID64); // bound, les, lds; VEX and EVEX are told apart before the map is read
  fill(map, '63', MODRM);
  fill(map, '68', Follows.operand);
  fill(map, '69', MODRM | Follows.operand);
  fill(map, '6a', Follows.byte);
  fill(map, '6b', MODRM | Follows.byte);
  fill(map, '70-7f e0-e3 eb', Follows.relativeByte);
  fill(map, '80 83 c0 c1 c6', MODRM | Follows.byte);
  fill(map, '82', MODRM | Follows.byte | INVALID64);
  fill(map, '81 c7', MODRM | Follows.operand);
  fill(map, '84-8f d0-d3 d8-df fe ff', MODRM);
  fill(map, '9a ea', Follows.farPointer | INVALID64);
  fill(map, 'a0-a3', Follows.offset);
  fill(map, 'a8 b0-b7 cd e4-e7', Follows.byte);
  fill(map, 'd4 d5', Follows.byte | INVALID64);
  fill(map, 'd6', INVALID64);
  fill(map, 'a9', Follows.operand);
  fill(map, 'b8-bf', Follows.full);
  fill(map, 'c2 ca', Follows.word);
  fill(map, 'c8', Follows.wordAndByte);
  fill(map, 'e8 e9', Follows.relative);
  fill(map, 'f6', MODRM | Follows.group3Byte);
  fill(map, 'f7', MODRM | Follows.group3);
  return map;
}

function twoByteMap(): Uint8Array {
  const map = new Uint8Array(256).fill(MODRM);
  fill(map, '5-9 b e 30-35 37 77 a0-a2 a8-aa c8-cf', Follows.nothing);
  fill(map, '4 a c 24-27 36 39 3b-3f 7a 7b a6 a7', INVALID);
  fill(map, 'f', MODRM | Follows.byte); // 3DNow!: its opcode stands where an immediate would
  fill(map, '70-73 a4 ac ba c2 c4-c6', MODRM | Follows.byte);
  fill(map, '80-8f', Follows.relative);
  return map;
}
