/** Small PDBs for tests, each field open to be wrong. Layouts as scanner/pdb/ reads them. */
import { ByteWriter } from '../pe/byte-writer.ts';

export interface TinySymbol {
  name: string;
  segment: number;
  offset: number;
  isFunction?: boolean;
  /** The kind of record; S_PUB32 unless said. */
  kind?: number;
}

export interface TinyPdbSpec {
  blockSize?: number;
  /** 16 bytes of latin1. */
  guid?: string;
  /** The age of the debug stream. */
  age?: number;
  symbols?: TinySymbol[];
  /** In place of the records that `symbols` makes. */
  symbolRecords?: Uint8Array;
  sections?: { rva: number; size: number }[];
  /** Pairs of RVAs before and after, for code that was moved after linking. */
  moves?: [from: number, to: number][];
  originalSections?: { rva: number; size: number }[];
  /** No debug stream at all. */
  isTypesOnly?: boolean;
}

const TINY_GUID = 'tiny-pdb-of-test';
const INFO_AGE = 7;

/** The bytes of a PDB. */
export function tinyPdb(spec: TinyPdbSpec = {}): Uint8Array {
  const streams: (Uint8Array | null)[] = [new Uint8Array(0), infoStream(spec), new Uint8Array(0)];
  const numberOf = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? 0xffff : streams.push(bytes) - 1;
  streams.push(null);
  const symbolRecords = numberOf(spec.symbolRecords ?? recordsOf(spec.symbols ?? []));
  const sectionHeaders = numberOf(spec.sections && sectionHeadersOf(spec.sections));
  const original = numberOf(spec.originalSections && sectionHeadersOf(spec.originalSections));
  const moves = numberOf(spec.moves && pairsOf(spec.moves));
  if (!spec.isTypesOnly) {
    streams[3] = new ByteWriter(0)
      .u32(0xffffffff, 19990903, spec.age ?? 1)
      .u16(0xffff, 0, 0xffff, 0, symbolRecords, 0)
      // Each part before the list of streams has some bytes, so that a reader must add them up.
      .u32(4, 8, 12, 16, 20, 0, 22, 24)
      .u16(0, 0x8664)
      .u32(0)
      .raw(new Uint8Array(4 + 8 + 12 + 16 + 20 + 24))
      .u16(0xffff, 0xffff, 0xffff, 0xffff, moves, sectionHeaders)
      .u16(0xffff, 0xffff, 0xffff, 0xffff, original).bytes;
  }
  return msfOf(streams, spec.blockSize);
}

/** An MSF file whose streams lie backwards, block by block; null is a deleted stream. */
export function msfOf(streams: readonly (Uint8Array | null)[], blockSize = 512): Uint8Array {
  const blocksFor = (length: number) => Math.ceil(length / blockSize);
  let next = 4 + streams.reduce((sum, stream) => sum + blocksFor(stream?.length ?? 0), 0);
  const blockLists = streams.map(stream =>
    Array.from({ length: blocksFor(stream?.length ?? 0) }, () => --next),
  );
  const directory = new ByteWriter(0)
    .u32(streams.length, ...streams.map(stream => stream?.length ?? 0xffffffff))
    .u32(...blockLists.flat()).bytes;
  const directoryAt = 4 + blockLists.flat().length;
  const directoryBlocks = Array.from(
    { length: blocksFor(directory.length) },
    (_, index) => directoryAt + index,
  );
  const blockCount = directoryAt + directoryBlocks.length;
  const file = new Uint8Array(blockCount * blockSize);
  file.set(
    new ByteWriter(0)
      .raw(Buffer.from('Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0', 'latin1'))
      .u32(blockSize, 1, blockCount, directory.length, 0, 3).bytes,
  );
  file.set(new ByteWriter(0).u32(...directoryBlocks).bytes, 3 * blockSize);
  file.set(directory, directoryAt * blockSize);
  streams.forEach((stream, number) => {
    blockLists[number].forEach((block, index) => {
      file.set(stream!.subarray(index * blockSize, (index + 1) * blockSize), block * blockSize);
    });
  });
  return file;
}

/** Symbol records, as the linker writes them: padded to four bytes. */
export function recordsOf(symbols: readonly TinySymbol[]): Uint8Array {
  const records = new ByteWriter(0);
  for (const { name, segment, offset, isFunction = false, kind = 0x110e } of symbols) {
    const body = new ByteWriter(0)
      .u16(kind)
      .u32(isFunction ? 2 : 0, offset)
      .u16(segment)
      .raw(Buffer.from(`${name}\0`, 'utf8'))
      .align(4);
    // The length is not part of what is padded: two bytes less than a multiple of four.
    if (body.here % 4 === 0) body.u16(0);
    records.u16(body.here).raw(body.bytes);
  }
  return records.bytes;
}

function infoStream({ guid = TINY_GUID }: TinyPdbSpec): Uint8Array {
  return new ByteWriter(0).u32(20000404, 0, INFO_AGE).raw(Buffer.from(guid, 'latin1')).u32(0).bytes;
}

function sectionHeadersOf(sections: readonly { rva: number; size: number }[]): Uint8Array {
  const headers = new ByteWriter(0);
  for (const { rva, size } of sections) {
    headers.raw(Buffer.from('.section')).u32(size, rva, 0, 0, 0, 0, 0, 0x60000020);
  }
  return headers.bytes;
}

function pairsOf(moves: readonly [number, number][]): Uint8Array {
  return new ByteWriter(0).u32(...moves.flat()).bytes;
}
