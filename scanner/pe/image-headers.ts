/** Reads the DOS, PE and optional headers and the section table, or says why the file is no image we can scan. */
import type { Arch, HybridKind, RefusalReason } from '../../data/facts.ts';
import { type GuardedBytes, PastTheEnd } from './guarded-bytes.ts';
import { printableText } from './printable-text.ts';

/** The Windows loader takes no more; a count beyond it is an attack or noise. */
const MAX_SECTIONS = 96;
/** Linkers put the PE header within the first kilobytes; a pointer far beyond is not one. */
const MAX_PE_OFFSET = 1024 * 1024;
/** The format defines sixteen; a larger NumberOfRvaAndSizes is legal and its rest is ignored. */
const MAX_DIRECTORIES = 16;
const SECTION_HEADER_SIZE = 40;
const FILE_HEADER_SIZE = 20;

/** Positions in the optional header's table of directories. */
export const DIRECTORY = {
  exports: 0,
  imports: 1,
  resources: 2,
  functionTable: 3,
  certificates: 4,
  relocations: 5,
  debug: 6,
  loadConfig: 10,
  delayImports: 13,
  managed: 14,
} as const;

export interface DataDirectory {
  /** An RVA, except for certificates, where it is a file offset. */
  rva: number;
  size: number;
}

/** A row of the section table as the file has it, unchecked. */
export interface SectionHeader {
  name: string;
  rva: number;
  virtualSize: number;
  fileOffset: number;
  fileSize: number;
  characteristics: number;
}

export interface ImageHeaders {
  arch: Arch;
  /** What the header's machine is where it names a hybrid outright. */
  hybridMachine: HybridKind | null;
  timestamp: number;
  /** Low and high 32 bits: kernel image bases do not fit a double's integers in general. */
  imageBaseLow: number;
  imageBaseHigh: number;
  sectionAlignment: number;
  sizeOfImage: number;
  entryPointRva: number;
  directories: DataDirectory[];
  /** File offsets of the two fields that a signature does not cover: CheckSum and the certificates' directory. */
  checksumOffset: number;
  certificatesEntryOffset: number;
  sections: SectionHeader[];
  /** Where the COFF symbol table ends in the file; 0 without one. */
  symbolsEnd: number;
}

const ARCH_OF_MACHINE = new Map<number, Arch>([
  [0x14c, 'x86'],
  [0x8664, 'x64'],
  [0xaa64, 'arm64'],
  [0xa641, 'arm64'],
  [0xa64e, 'arm64'],
]);
const HYBRID_MACHINES = new Map<number, HybridKind>([
  [0xa641, 'ARM64EC'],
  [0xa64e, 'ARM64X'],
]);
const OTHER_MACHINES = new Map([
  [0x1c0, 'ARM32'],
  [0x1c2, 'ARM32 (Thumb)'],
  [0x1c4, 'ARM32'],
  [0x200, 'IA64 (Itanium)'],
  [0x166, 'MIPS'],
  [0x184, 'Alpha'],
  [0x284, 'Alpha 64'],
  [0x1f0, 'PowerPC'],
  [0xebc, 'EFI byte code'],
  [0x5032, 'RISC-V 32'],
  [0x5064, 'RISC-V 64'],
  [0x6232, 'LoongArch 32'],
  [0x6264, 'LoongArch 64'],
]);
/** What stands where `PE` would, in the kinds of program that came before it. */
const OLDER_SIGNATURES = new Map([
  ['NE', 'a 16-bit Windows program (NE)'],
  ['LE', 'a virtual device driver of Windows 3 or 9x (LE)'],
  ['LX', 'an OS/2 program (LX)'],
]);

/** The headers of a PE image, or the refusal that tells a person what the file is instead. */
export function readImageHeaders(file: GuardedBytes): ImageHeaders | RefusalReason {
  if (file.length === 0) return { code: 'empty', message: 'The file is empty.' };
  if (!startsWithMz(file)) {
    return { code: 'not-a-pe', message: 'The file is no Windows image: it does not begin with "MZ".' };
  }
  try {
    return readAfterMz(file);
  } catch (error) {
    if (!(error instanceof PastTheEnd)) throw error;
    return {
      code: 'truncated',
      message: `The file is cut short: it ends after ${file.length} bytes, within its headers.`,
    };
  }
}

function startsWithMz(file: GuardedBytes): boolean {
  return file.bytes[0] === 0x4d && (file.length < 2 || file.bytes[1] === 0x5a);
}

function readAfterMz(file: GuardedBytes): ImageHeaders | RefusalReason {
  const peOffset = file.u32(0x3c);
  if (peOffset > MAX_PE_OFFSET) {
    return {
      code: 'not-a-pe',
      message: 'The file begins with "MZ", but what follows is no header of a Windows image.',
    };
  }
  if (file.u32(peOffset) !== 0x4550) {
    const older = OLDER_SIGNATURES.get(String.fromCharCode(file.u8(peOffset), file.u8(peOffset + 1)));
    return {
      code: 'not-a-pe',
      message: older
        ? `The file is ${older}, not a PE image.`
        : `The file begins with "MZ" but has no PE signature at 0x${peOffset.toString(16)}, where its header points.`,
    };
  }
  const fileHeader = peOffset + 4;
  const machine = file.u16(fileHeader);
  const arch = ARCH_OF_MACHINE.get(machine);
  const optional = fileHeader + FILE_HEADER_SIZE;
  const optionalSize = file.u16(fileHeader + 16);
  const sectionCount = file.u16(fileHeader + 2);
  if (arch === undefined) return refuseMachine(machine);
  const magic = file.u16(optional);
  const is64 = arch !== 'x86';
  if (magic !== (is64 ? 0x20b : 0x10b)) {
    return badHeaders(`its optional header says 0x${magic.toString(16)}, which does not fit ${arch}`);
  }
  const directoriesAt = is64 ? 112 : 96;
  if (optionalSize < directoriesAt) return badHeaders(`its optional header has only ${optionalSize} bytes`);
  if (sectionCount === 0) return badHeaders('it has no sections');
  if (sectionCount > MAX_SECTIONS) {
    return badHeaders(`it claims ${sectionCount} sections, and Windows loads at most ${MAX_SECTIONS}`);
  }
  const symbols = file.u32(fileHeader + 8);
  const symbolCount = file.u32(fileHeader + 12);
  return {
    arch,
    hybridMachine: HYBRID_MACHINES.get(machine) ?? null,
    timestamp: file.u32(fileHeader + 4),
    imageBaseLow: file.u32(optional + (is64 ? 24 : 28)),
    imageBaseHigh: is64 ? file.u32(optional + 28) : 0,
    sectionAlignment: file.u32(optional + 32),
    sizeOfImage: file.u32(optional + 56),
    entryPointRva: file.u32(optional + 16),
    directories: readDirectories(file, optional + directoriesAt, optionalSize - directoriesAt),
    checksumOffset: optional + 64,
    certificatesEntryOffset: optional + directoriesAt + DIRECTORY.certificates * 8,
    sections: readSectionTable(file, optional + optionalSize, sectionCount),
    symbolsEnd: symbols === 0 || symbolCount === 0 ? 0 : symbols + symbolCount * 18,
  };
}

function refuseMachine(machine: number): RefusalReason {
  const name = OTHER_MACHINES.get(machine);
  const found = name ?? `an unknown processor (machine 0x${machine.toString(16)})`;
  return {
    code: 'unsupported-arch',
    message: `The image is made for ${found}; x86, x64 and ARM64 can be scanned.`,
  };
}

function badHeaders(what: string): RefusalReason {
  return { code: 'bad-headers', message: `The headers make no sense: ${what}.` };
}

function readDirectories(file: GuardedBytes, offset: number, room: number): DataDirectory[] {
  const claimed = file.u32(offset - 4);
  const count = Math.min(claimed, MAX_DIRECTORIES, Math.floor(room / 8));
  return Array.from({ length: count }, (_, index) => ({
    rva: file.u32(offset + index * 8),
    size: file.u32(offset + index * 8 + 4),
  }));
}

function readSectionTable(file: GuardedBytes, offset: number, count: number): SectionHeader[] {
  return Array.from({ length: count }, (_, index) => {
    const row = offset + index * SECTION_HEADER_SIZE;
    const [rawName] = String.fromCharCode(...file.slice(row, 8)).split('\0', 1);
    return {
      name: printableText(rawName, 8),
      virtualSize: file.u32(row + 8),
      rva: file.u32(row + 12),
      fileSize: file.u32(row + 16),
      fileOffset: file.u32(row + 20),
      characteristics: file.u32(row + 36),
    };
  });
}
