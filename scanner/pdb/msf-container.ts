/**
 * Reads MSF 7.0, the container of a PDB: streams that lie scattered over the blocks of one file. Only the blocks that
 * are asked for are read. The layout is LLVM's public description: https://llvm.org/docs/PDB/MsfFile.html
 */
import { GuardedBytes } from '../pe/guarded-bytes.ts';
import { PdbProblem } from './pdb-problem.ts';

/** A file that is read by position. */
export interface PositionalFile {
  sizeBytes: number;
  /** The bytes at `offset`: fewer than `length` where the file ends before. */
  read(offset: number, length: number): Uint8Array;
}

/** What linkers write with blocks of 4 KB; larger blocks would allow more, which no driver's PDB needs. */
const MAX_FILE_BYTES = 4 * 1024 ** 3;
/** The block numbers of such a file; with larger blocks a directory could claim 256 MB. */
const MAX_DIRECTORY_BYTES = 4 * 1024 ** 2;
const MAGIC = 'Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0';
/** The fields end here, and the one block number of the directory's map. */
const SUPERBLOCK_SIZE = 56;
const MIN_BLOCK = 512;
const MAX_BLOCK = 32768;
/** A stream that was deleted. */
const NO_STREAM_SIZE = 0xffff_ffff;
/** Streams are numbered in 16 bits wherever one refers to another. */
const MAX_STREAMS = 0x1_0000;

/** Opens the container, or says why it is none. Throws nothing but what `file.read` throws. */
export function openMsf(file: PositionalFile): MsfContainer | PdbProblem {
  if (file.sizeBytes > MAX_FILE_BYTES) {
    return new PdbProblem(
      `it has ${file.sizeBytes} bytes, and PDBs of up to ${MAX_FILE_BYTES} bytes are read`,
    );
  }
  const head = new GuardedBytes(file.read(0, SUPERBLOCK_SIZE));
  if (!startsWith(head, MAGIC)) {
    return new PdbProblem('it is no PDB, or one of Visual C++ 6 or earlier');
  }
  if (head.length < SUPERBLOCK_SIZE) return CUT_SHORT;
  const blockSize = head.u32(32);
  const blockCount = head.u32(40);
  const directoryBytes = head.u32(44);
  const mapBlock = head.u32(52);
  if (blockSize < MIN_BLOCK || blockSize > MAX_BLOCK || (blockSize & (blockSize - 1)) !== 0) {
    return new PdbProblem(`its blocks have ${blockSize} bytes, which no PDB has`);
  }
  const blocks: Blocks = { file, blockSize, blockCount };
  const directoryBlocks = Math.ceil(directoryBytes / blockSize);
  // A map of one block leads to 4 GB of streams where blocks have 4 KB; a second one is not read.
  if (directoryBytes > MAX_DIRECTORY_BYTES || directoryBlocks * 4 > blockSize)
    return new PdbProblem('its stream directory is larger than any PDB needs');
  const map = readBlocks(blocks, [mapBlock], directoryBlocks * 4);
  if (map instanceof PdbProblem) return map;
  const directory = readBlocks(blocks, numbersOf(map), directoryBytes);
  if (directory instanceof PdbProblem) return directory;
  return MsfContainer.of(blocks, new GuardedBytes(directory));
}

/** The streams of a PDB by number. */
export class MsfContainer {
  readonly #blocks: Blocks;
  readonly #directory: GuardedBytes;
  readonly #count: number;

  private constructor(blocks: Blocks, directory: GuardedBytes, count: number) {
    this.#blocks = blocks;
    this.#directory = directory;
    this.#count = count;
  }

  /** A container over a directory whose list of sizes is whole. */
  static of(blocks: Blocks, directory: GuardedBytes): MsfContainer | PdbProblem {
    const count = directory.holds(0, 4) ? directory.u32(0) : 0;
    if (count > MAX_STREAMS || !directory.holds(4, count * 4)) return DAMAGED_DIRECTORY;
    return new MsfContainer(blocks, directory, count);
  }

  /** Bytes of a stream; undefined where there is no such stream. */
  sizeOf(stream: number): number | undefined {
    if (stream >= this.#count) return undefined;
    const size = this.#directory.u32(4 + stream * 4);
    return size === NO_STREAM_SIZE ? undefined : size;
  }

  /** `length` bytes of a stream from `offset` on; fewer where the stream ends before. Empty where it is not there. */
  read(stream: number, offset: number, length: number): GuardedBytes | PdbProblem {
    const size = this.sizeOf(stream) ?? 0;
    const end = Math.min(offset + length, size);
    if (offset >= end) return new GuardedBytes(new Uint8Array(0));
    const { blockSize } = this.#blocks;
    const first = Math.floor(offset / blockSize);
    const past = Math.ceil(end / blockSize);
    const list = this.#blockListOf(stream) + first * 4;
    if (!this.#directory.holds(list, (past - first) * 4)) return DAMAGED_DIRECTORY;
    const numbers = numbersOf(this.#directory.slice(list, (past - first) * 4));
    const bytes = readBlocks(this.#blocks, numbers, end - first * blockSize);
    return bytes instanceof PdbProblem ? bytes : new GuardedBytes(bytes.subarray(offset - first * blockSize));
  }

  /** Where the block numbers of a stream begin in the directory: behind those of all streams before it. */
  #blockListOf(stream: number): number {
    let at = 4 + this.#count * 4;
    for (let before = 0; before < stream; before++) {
      at += Math.ceil((this.sizeOf(before) ?? 0) / this.#blocks.blockSize) * 4;
    }
    return at;
  }
}

interface Blocks {
  file: PositionalFile;
  blockSize: number;
  /** What the file claims; its size decides in the end. */
  blockCount: number;
}

const CUT_SHORT = new PdbProblem('it is cut short');
const DAMAGED_DIRECTORY = new PdbProblem('its stream directory is damaged');

/** The first `length` bytes of the blocks, in their order; blocks that follow each other are read at once. */
function readBlocks(
  { file, blockSize, blockCount }: Blocks,
  numbers: readonly number[] | Uint32Array,
  length: number,
): Uint8Array | PdbProblem {
  // Checked before memory is taken: blocks may repeat, but no honest stream is longer than its file.
  if (length > file.sizeBytes) return CUT_SHORT;
  const bytes = new Uint8Array(length);
  for (let filled = 0, at = 0; filled < length; ) {
    const first = numbers[at];
    let run = 1;
    while (numbers[at + run] === first + run && filled + run * blockSize < length) run++;
    if (first + run > blockCount) return DAMAGED_DIRECTORY;
    const wanted = Math.min(run * blockSize, length - filled);
    const part = file.read(first * blockSize, wanted);
    if (part.length < wanted) return CUT_SHORT;
    bytes.set(part, filled);
    filled += wanted;
    at += run;
  }
  return bytes;
}

function numbersOf(bytes: Uint8Array): Uint32Array {
  const list = new GuardedBytes(bytes);
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, index) => list.u32(index * 4));
}

function startsWith(bytes: GuardedBytes, text: string): boolean {
  return (
    bytes.holds(0, text.length) && Array.from(text).every((char, at) => bytes.u8(at) === char.charCodeAt(0))
  );
}
