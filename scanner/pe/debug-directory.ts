/** Reads the debug directory: which PDB belongs to the image, and whether its time stamp is a hash. */
import { type GuardedBytes, zeroTerminatedText } from './guarded-bytes.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';
import { printableText } from './printable-text.ts';
import { hexText, symbolServerId } from './symbol-server-id.ts';

const ENTRY_SIZE = 28;
/** Linkers write up to about eight entries. */
const MAX_ENTRIES = 64;
const TYPE_CODEVIEW = 2;
const TYPE_REPRO = 16;
const RSDS = 0x53445352;
/** The record of Visual C++ 6 and earlier. */
const NB10 = 0x3031424e;
/** Where the path begins in each record. */
const RSDS_PATH = 24;
const NB10_PATH = 16;
/** Bytes of a build's hash: the header's time stamp has four of them, SHA-512 sixty-four. */
const MIN_HASH = 4;
const MAX_HASH = 64;
const MAX_PDB_PATH = 1024;
const MAX_PDB_NAME = 260;

export interface DebugFacts {
  pdbName: string | null;
  /** GUID and age (or time stamp and age) as a symbol server spells them. */
  pdbId: string | null;
  /** The link was reproducible: the header's time stamp is a hash of the content. */
  isReproducible: boolean;
  /** That hash in full, lower-case hex; null where the linker wrote none. */
  reproHash: string | null;
}

/** An image without a debug directory. */
export const NO_DEBUG_FACTS: Readonly<DebugFacts> = {
  pdbName: null,
  pdbId: null,
  isReproducible: false,
  reproHash: null,
};

/** What the debug directory says; the first CodeView record that can be read wins. */
export function readDebugDirectory(
  memory: ImageMemory,
  file: GuardedBytes,
  directory: DataDirectory,
): DebugFacts {
  const facts: DebugFacts = { ...NO_DEBUG_FACTS };
  const table = memory.from(directory.rva, Math.min(directory.size, MAX_ENTRIES * ENTRY_SIZE));
  for (let row = 0; table.holds(row, ENTRY_SIZE); row += ENTRY_SIZE) {
    const type = table.u32(row + 12);
    if (type === TYPE_REPRO) {
      facts.isReproducible = true;
      facts.reproHash ??= reproHash(memory, file, table.u32(row + 20), table.u32(row + 24));
    }
    if (type !== TYPE_CODEVIEW || facts.pdbName !== null) continue;
    const record = codeViewRecord(memory, file, table.u32(row + 20), table.u32(row + 24));
    Object.assign(facts, record);
  }
  return facts;
}

function codeViewRecord(
  memory: ImageMemory,
  file: GuardedBytes,
  rva: number,
  fileOffset: number,
): Pick<DebugFacts, 'pdbName' | 'pdbId'> | undefined {
  const { source, at } = dataOf(memory, file, rva, fileOffset);
  if (!source.holds(at, RSDS_PATH)) return undefined;
  const signature = source.u32(at);
  if (signature !== RSDS && signature !== NB10) return undefined;
  const pathAt = at + (signature === RSDS ? RSDS_PATH : NB10_PATH);
  const path = textAt(source.bytes, pathAt);
  const pdbName = printableText(path.replace(/^.*[\\/]/s, ''), MAX_PDB_NAME);
  if (pdbName === '') return undefined;
  return {
    pdbName,
    pdbId:
      signature === RSDS
        ? symbolServerId(source, at + 4, source.u32(at + 20))
        : hexText(source.u32(at + 8), 8) + hexText(source.u32(at + 12)),
  };
}

/** The record of a reproducible link is a length and a hash; LLVM's linker writes neither. */
function reproHash(memory: ImageMemory, file: GuardedBytes, rva: number, fileOffset: number): string | null {
  const { source, at } = dataOf(memory, file, rva, fileOffset);
  if (at === 0 && source === file) return null;
  const length = source.holds(at, 4) ? source.u32(at) : 0;
  if (length < MIN_HASH || length > MAX_HASH || !source.holds(at + 4, length)) return null;
  return Array.from(source.slice(at + 4, length), byte => hexText(byte, 2))
    .join('')
    .toLowerCase();
}

/** Debug data that is not mapped into memory has a file offset only. */
function dataOf(memory: ImageMemory, file: GuardedBytes, rva: number, fileOffset: number) {
  return memory.sectionAt(rva) === undefined
    ? { source: file, at: fileOffset }
    : { source: memory.from(rva), at: 0 };
}

function textAt(bytes: Uint8Array, offset: number): string {
  const raw = zeroTerminatedText(bytes, offset, MAX_PDB_PATH);
  if (raw === undefined) return '';
  return new TextDecoder().decode(bytes.subarray(offset, offset + raw.length));
}
