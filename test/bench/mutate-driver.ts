/** Seeded damage that knows the format: headers, the section table, every table a directory names, and code. */
import { mutateImage } from '../scanner/pe/mutate-image.ts';
import { Random } from './made-drivers/random.ts';

/** Values at which sizes, counts and offsets go wrong. */
const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 11, 12, 0x28, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0xffff, 0x10000,
  0xffffff, 0x7ffffffc, 0x7fffffff, 0x80000000, 0xfffff000, 0xfffffff0, 0xfffffffc, 0xffffffff,
];
/** What a run of code is filled with: calls, jumps, branches, prefixes, moves, pushes, returns, padding. */
const RUNS = [
  [0xe8],
  [0xe9],
  [0xeb],
  [0x0f],
  [0xff],
  [0x66],
  [0x48],
  [0x55],
  [0xc3],
  [0xcc],
  [0x00],
  [0x90],
  [0xe8, 0, 0, 0, 0],
  [0xe9, 0xfb, 0xff, 0xff, 0xff],
  [0xeb, 0xfe],
  [0x74, 0x00],
  [0x75, 0xfe],
  [0x0f, 0x84, 0, 0, 0, 0],
  [0x48, 0x03, 0xc0],
  [0x48, 0x01, 0xd8, 0x48, 0x01, 0xc3],
  [0x0f, 0x44, 0xc1, 0x0f, 0x45, 0xc8],
  [0x48, 0x8b, 0x00],
  [0x8b, 0x04, 0x24, 0x89, 0x44, 0x24, 0x08],
  [0x41, 0xb8, 0x54, 0x61, 0x67, 0x31],
  [0x68, 0x54, 0x61, 0x67, 0x31],
  [0xff, 0xd0],
  [0xff, 0xe0],
  [0xff, 0x24, 0xc5, 0, 0, 0, 0],
  [0xff, 0x15, 0, 0, 0, 0],
  [0xc8, 0xff, 0xff, 0x1f],
  [0xc9],
  [0x00, 0x00, 0x00, 0x94],
  [0xff, 0xff, 0xff, 0x97],
  [0x00, 0x00, 0x00, 0x14],
  [0x20, 0x00, 0x00, 0x54],
  [0x00, 0x00, 0x00, 0x90],
  [0x00, 0x01, 0x3f, 0xd6],
  [0xc0, 0x03, 0x5f, 0xd6],
];
const POOL_NAMES = [
  'ExAllocatePoolWithTag',
  'ExAllocatePool2',
  'ExFreePoolWithTag',
  'FltRegisterFilter',
  'WdfVersionBind',
  'ExInitializeNPagedLookasideList',
  'MmGetSystemRoutineAddress',
  'NdisAllocateNetBufferListPool',
];
const SECTION_HEADER = 40;
const MOST_CHANGES = 6;

interface Region {
  at: number;
  size: number;
}

/** Where things stand in the file, as far as its headers (before any damage) tell. */
interface Layout {
  pe: number;
  optional: number;
  directories: number;
  sections: number;
  sectionCount: number;
  code: Region[];
  /** Tables by number of their directory. */
  tables: { index: number; region: Region }[];
  sizeOfImage: number;
}

/** A damaged copy, the same for the same seed. `other` is a file that pieces are taken from. */
export function mutateDriver(bytes: Uint8Array, seed: number, other: Uint8Array): Uint8Array {
  const random = new Random(seed);
  const layout = layoutOf(bytes);
  // A quarter is damaged without regard to the format, as a bad disk would.
  if (layout === undefined || random.chance(0.25)) return mutateImage(bytes, seed);
  const damage = new Damage(bytes.slice(), layout, random, other);
  for (let change = 1 + random.below(MOST_CHANGES); change > 0; change--) damage.once();
  return damage.bytes;
}

class Damage {
  bytes: Uint8Array;
  readonly #layout: Layout;
  readonly #random: Random;
  readonly #other: Uint8Array;
  readonly #kinds = [
    () => this.#header(),
    () => this.#sectionTable(),
    () => this.#directory(),
    () => this.#table(),
    () => this.#table(),
    () => this.#repeatRows(),
    () => this.#functionTable(),
    () => this.#codeBytes(),
    () => this.#codeBytes(),
    () => this.#codeRun(),
    () => this.#splice(),
    () => this.#jumpMesh(),
    () => this.#poolNames(),
  ];

  constructor(bytes: Uint8Array, layout: Layout, random: Random, other: Uint8Array) {
    this.bytes = bytes;
    this.#layout = layout;
    this.#random = random;
    this.#other = other;
  }

  once(): void {
    if (this.#random.chance(0.02)) this.#cut();
    else this.#random.pick(this.#kinds)();
  }

  #put32(at: number, value: number): void {
    for (let i = 0; i < 4; i++)
      if (at + i < this.bytes.length) this.bytes[at + i] = (value >>> (8 * i)) & 0xff;
  }

  /** What does not fit is left out: an earlier change may have cut the file short. */
  #set(at: number, values: ArrayLike<number>): void {
    for (let i = 0; i < values.length && at + i < this.bytes.length; i++) this.bytes[at + i] = values[i];
  }

  #get32(at: number): number {
    return read32(this.bytes, at) ?? 0;
  }

  /** An edge, an address of the image, or a small change of what was there. */
  #value(was: number): number {
    const random = this.#random;
    const roll = random.next();
    if (roll < 0.4) return random.pick(EDGES);
    if (roll < 0.7) return random.below(this.#layout.sizeOfImage + 1);
    return was + random.below(65) - 32;
  }

  #header(): void {
    const { pe, optional, directories } = this.#layout;
    const at = this.#random.chance(0.2) ? 0x3c : pe + 4 + 2 * this.#random.below((directories - pe) >> 1);
    if (this.#random.chance(0.5)) this.#put32(at, this.#value(this.#get32(at)));
    else this.#put32(optional + 4 * this.#random.below(28), this.#value(0));
  }

  #sectionTable(): void {
    const { sections, sectionCount, pe } = this.#layout;
    const random = this.#random;
    if (random.chance(0.1)) return this.#put32(pe + 6, random.pick(EDGES));
    const row = sections + SECTION_HEADER * random.below(sectionCount);
    if (random.chance(0.2)) {
      const from = sections + SECTION_HEADER * random.below(sectionCount);
      return void this.bytes.copyWithin(row, from, from + SECTION_HEADER);
    }
    const field = row + random.pick([8, 12, 16, 20, 36]);
    this.#put32(field, this.#value(this.#get32(field)));
  }

  #directory(): void {
    const { directories } = this.#layout;
    const random = this.#random;
    const entry = directories + 8 * random.below(16);
    if (random.chance(0.25)) {
      const from = directories + 8 * random.below(16);
      return void this.bytes.copyWithin(entry, from, from + 8);
    }
    const at = entry + 4 * random.below(2);
    this.#put32(at, this.#value(this.#get32(at)));
  }

  #aTable(index?: number): Region | undefined {
    const tables = this.#layout.tables.filter(table => index === undefined || table.index === index);
    return tables.length === 0 ? undefined : this.#random.pick(tables).region;
  }

  #table(): void {
    const region = this.#aTable();
    if (region === undefined) return;
    for (let change = 1 + this.#random.below(4); change > 0; change--) {
      // The beginning of a table leads to the rest of it.
      const within = this.#random.chance(0.5) ? Math.min(64, region.size) : region.size;
      const at = region.at + 4 * this.#random.below(Math.max(1, within >> 2));
      this.#put32(at, this.#value(this.#get32(at)));
    }
  }

  /** One row again and again, over what stands behind it. */
  #repeatRows(): void {
    const region = this.#aTable();
    if (region === undefined) return;
    const row = this.#random.pick([4, 8, 12, 20, 28, 32]);
    const from = region.at + row * this.#random.below(Math.max(1, Math.floor(region.size / row)));
    const rows = this.#random.below(Math.min(2000, Math.floor((this.bytes.length - from) / row)));
    for (let i = 1; i < rows; i++) this.bytes.copyWithin(from + i * row, from, from + row);
  }

  /** .pdata with ranges that overlap, go backwards, cover everything or chain to each other. */
  #functionTable(): void {
    const region = this.#aTable(3);
    if (region === undefined) return;
    const { sizeOfImage } = this.#layout;
    const random = this.#random;
    const rows = Math.floor(region.size / 12);
    for (let change = 1 + random.below(20); change > 0 && rows > 0; change--) {
      const row = region.at + 12 * random.below(rows);
      const roll = random.next();
      if (roll < 0.3) this.#put32(row + 4, sizeOfImage);
      else if (roll < 0.5) this.#put32(row, this.#get32(region.at));
      else if (roll < 0.7) this.#put32(row + 8, this.#get32(region.at + 12 * random.below(rows) + 8));
      else if (roll < 0.85) this.#put32(row + 8, random.below(sizeOfImage) | 1);
      else
        this.bytes.copyWithin(
          row,
          region.at + 12 * random.below(rows),
          region.at + 12 * random.below(rows) + 12,
        );
    }
  }

  #codeBytes(): void {
    const random = this.#random;
    const { at, size } = this.#aCode();
    for (let change = 1 + random.below(40); change > 0; change--) {
      const position = at + random.below(size);
      if (random.chance(0.5)) this.bytes[position] ^= 1 << random.below(8);
      else this.bytes[position] = random.below(256);
    }
  }

  #codeRun(): void {
    const random = this.#random;
    const { at, size } = this.#aCode();
    const pattern = random.pick(RUNS);
    const begin = at + random.below(size);
    const length = Math.min(Math.floor(random.logNormal(200, 2)), at + size - begin);
    for (let i = 0; i < length; i++) this.bytes[begin + i] = pattern[i % pattern.length];
  }

  #splice(): void {
    const random = this.#random;
    const { at, size } = this.#aCode();
    const from = random.chance(0.5) ? this.#other : this.bytes.slice();
    const begin = random.below(from.length);
    const piece = from.subarray(begin, begin + random.below(Math.min(size, 5000)));
    const to = at + random.below(size);
    this.#set(to, piece);
  }

  /** Jumps and branches from everywhere to everywhere: cycles, and blocks with many ways in. */
  #jumpMesh(): void {
    const random = this.#random;
    const { at, size } = this.#aCode();
    const span = Math.min(size, 64 + random.below(4000));
    const begin = at + random.below(size - span + 1);
    const isTable = random.chance(0.3);
    for (let i = 2 + random.below(200); i > 0; i--) {
      const from = begin + random.below(Math.max(1, span - 7));
      const to = begin + random.below(span);
      if (isTable && random.chance(0.3))
        this.#set(from, [0xff, 0xe0]); // jmp rax: a switch
      else if (random.chance(0.5)) {
        this.bytes[from] = random.chance(0.5) ? 0xe9 : 0xe8;
        this.#put32(from + 1, to - (from + 5));
      } else {
        this.#set(from, [0x0f, 0x80 | random.below(16)]);
        this.#put32(from + 2, to - (from + 6));
      }
    }
  }

  /** Names in the import table become those of functions that take tags. */
  #poolNames(): void {
    const region = this.#aTable(1);
    if (region === undefined) return;
    const names = namesIn(this.bytes, region);
    for (let i = 1 + this.#random.below(8); i > 0 && names.length > 0; i--) {
      const name = this.#random.pick(POOL_NAMES);
      this.#set(this.#random.pick(names), Buffer.from(`${name}\0`, 'latin1'));
    }
  }

  #cut(): void {
    this.bytes = this.bytes.slice(0, this.#random.below(this.bytes.length));
  }

  #aCode(): Region {
    return this.#random.pick(this.#layout.code);
  }
}

function read32(bytes: Uint8Array, at: number): number | undefined {
  if (at < 0 || at + 4 > bytes.length) return undefined;
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Beginnings of names of functions near a table: a letter behind two bytes of hint. */
function namesIn(bytes: Uint8Array, { at }: Region): number[] {
  const names: number[] = [];
  const end = Math.min(bytes.length - 40, at + 4000);
  for (let p = at; p < end; p++) {
    const isName = bytes[p] >= 0x41 && bytes[p] <= 0x5a && bytes[p + 1] >= 0x61 && bytes[p + 2] >= 0x41;
    if (isName && bytes[p - 1] === 0) names.push(p);
  }
  return names;
}

function layoutOf(bytes: Uint8Array): Layout | undefined {
  const pe = read32(bytes, 0x3c);
  if (pe === undefined || read32(bytes, pe) !== 0x4550) return undefined;
  const optional = pe + 24;
  const directories = optional + (bytes[optional + 1] === 2 ? 112 : 96);
  const sections = optional + bytes[pe + 20] + 256 * bytes[pe + 21];
  const sectionCount = bytes[pe + 6];
  const rows = Array.from({ length: sectionCount }, (_, i) => {
    const row = sections + i * SECTION_HEADER;
    const [virtualSize, rva, size, at, flags] = [8, 12, 16, 20, 36].map(
      offset => read32(bytes, row + offset) ?? 0,
    );
    return {
      rva,
      size: Math.min(size, bytes.length - at),
      at,
      isCode: (flags & 0x20000020) !== 0,
      virtualSize,
    };
  });
  const tables = Array.from({ length: 16 }, (_, index) => {
    const rva = read32(bytes, directories + 8 * index) ?? 0;
    const size = read32(bytes, directories + 8 * index + 4) ?? 0;
    const section = rows.find(row => rva >= row.rva && rva < row.rva + row.size);
    // Directory 4, the signature, is a position in the file.
    const at = index === 4 ? rva : section === undefined ? 0 : section.at + rva - section.rva;
    return { index, region: { at, size: Math.min(size, bytes.length - at) } };
  }).filter(({ region }) => region.at > 0 && region.size > 0);
  const code = rows.filter(row => row.isCode && row.size > 0);
  if (code.length === 0) return undefined;
  const sizeOfImage = read32(bytes, optional + 56) ?? 0;
  return { pe, optional, directories, sections, sectionCount, code, tables, sizeOfImage };
}
