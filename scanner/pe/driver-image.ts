/** readDriverImage: the bytes of a file in, a DriverImage or the reason why it is none out. */
import type { Arch, HybridKind, RefusalReason } from '../../data/facts.ts';
import { certificateTable } from './certificate-table.ts';
import { NO_DEBUG_FACTS, readDebugDirectory } from './debug-directory.ts';
import { readDelayImports } from './delay-imports.ts';
import { readExports } from './exports.ts';
import { readFunctionRanges } from './function-ranges.ts';
import { GuardedBytes, PastTheEnd } from './guarded-bytes.ts';
import type { DriverImage } from './image-facts.ts';
import { type DataDirectory, DIRECTORY, type ImageHeaders, readImageHeaders } from './image-headers.ts';
import { ImageMemory } from './image-memory.ts';
import { isExhausted, newImportList, readImports } from './imports.ts';
import { NO_LOAD_CONFIG, readLoadConfig } from './load-config.ts';
import { readRelocations } from './relocations.ts';
import { readSections } from './sections.ts';
import { readVersionFacts } from './version-facts.ts';
import { NO_VERSION } from './version-info.ts';

/** An image that carries a second kind of code, by the processor that its header names. */
const HYBRID_OF_ARCH: Record<Arch, HybridKind> = { x86: 'CHPE', x64: 'ARM64EC', arm64: 'ARM64X' };
const DIRECTORY_WORDS: Record<keyof typeof DIRECTORY, string> = {
  exports: 'export table',
  imports: 'import table',
  resources: 'resource section',
  functionTable: 'function table (.pdata)',
  certificates: 'signature',
  relocations: 'relocation table',
  debug: 'debug directory',
  loadConfig: 'load configuration',
  delayImports: 'delay-import table',
  managed: '.NET header',
};
/** The size of the .NET header; a directory that points at less is noise. */
const MANAGED_HEADER_SIZE = 72;

/**
 * Reads a PE image for x86, x64 or ARM64. Headers decide between an image and a refusal (which has a `code`);
 * a table behind them that cannot be read costs that table and leaves a remark. Never throws for what the bytes hold.
 */
export function readDriverImage(bytes: Uint8Array): DriverImage | RefusalReason {
  const file = new GuardedBytes(bytes);
  const headers = readImageHeaders(file);
  if ('code' in headers) return headers;
  const remarks: string[] = [];
  const sections = readSections(file, headers, remarks);
  if ('code' in sections) return sections;
  const pointerSize = headers.arch === 'x86' ? 4 : 8;
  const base = { low: headers.imageBaseLow, high: headers.imageBaseHigh };
  const memory = new ImageMemory(sections, base, pointerSize, headers.sizeOfImage);
  const managed = directoryOf(headers, 'managed');
  if (managed !== undefined && (memory.u32At(managed.rva) ?? 0) >= MANAGED_HEADER_SIZE) {
    return {
      code: 'managed-image',
      message: 'The image is managed code (.NET), which runs in user mode and allocates no pool.',
    };
  }
  return readTables(file, headers, memory, remarks);
}

function readTables(
  file: GuardedBytes,
  headers: ImageHeaders,
  memory: ImageMemory,
  remarks: string[],
): DriverImage {
  const { arch } = headers;
  const pointerSize = arch === 'x86' ? 4 : 8;
  /** What `read` makes of a table; `absent` where the image has none or it runs past its end. */
  const table = <T>(name: keyof typeof DIRECTORY, absent: T, read: (directory: DataDirectory) => T): T => {
    const directory = directoryOf(headers, name);
    if (directory === undefined) return absent;
    try {
      return read(directory);
    } catch (error) {
      if (!(error instanceof PastTheEnd)) throw error;
      remarks.push(`The ${DIRECTORY_WORDS[name]} cannot be read to its end.`);
      return absent;
    }
  };
  const imports = newImportList();
  table('imports', undefined, directory => readImports(memory, directory, pointerSize, imports));
  table('delayImports', undefined, directory => readDelayImports(memory, directory, pointerSize, imports));
  if (isExhausted(imports))
    remarks.push('The import tables claim more than any image has; the rest was left out.');
  const loadConfig = table('loadConfig', NO_LOAD_CONFIG, directory =>
    readLoadConfig(memory, directory, pointerSize),
  );
  const debug = table('debug', NO_DEBUG_FACTS, directory => readDebugDirectory(memory, file, directory));
  const hybrid = headers.hybridMachine ?? (loadConfig.isHybrid ? HYBRID_OF_ARCH[arch] : null);
  if (hybrid !== null)
    remarks.push(`The image is hybrid (${hybrid}); only the code of its native view was analysed.`);
  const certificates = certificateTable(headers);
  if (certificates !== null && certificates.offset + certificates.size > file.length) {
    remarks.push('The file is cut short within its signature; the image itself is whole.');
  }
  if (headers.symbolsEnd > file.length) {
    remarks.push('The file is cut short within its symbol table; the image itself is whole.');
  }
  return {
    arch,
    pointerSize,
    imageBase: headers.imageBaseHigh * 0x1_0000_0000 + headers.imageBaseLow,
    sizeOfImage: headers.sizeOfImage,
    entryPointRva: headers.entryPointRva,
    timestamp: headers.timestamp,
    sections: memory.sections,
    imports: imports.found,
    exports: table('exports', [], directory => readExports(memory, directory)),
    functionRanges: table('functionTable', [], directory => readFunctionRanges(memory, directory, arch)),
    relocations: table('relocations', new Uint32Array(0), directory =>
      readRelocations(memory, directory, arch),
    ),
    guardSlots: loadConfig.guardSlots,
    version: table('resources', NO_VERSION, directory => readVersionFacts(memory, directory, remarks)),
    pdbName: debug.pdbName,
    pdbId: debug.pdbId,
    isReproducible: debug.isReproducible,
    reproHash: debug.reproHash,
    hybrid,
    certificates,
    remarks,
    sectionAt: rva => memory.sectionAt(rva),
    u32At: rva => memory.u32At(rva),
    pointerAt: rva => memory.pointerAt(rva),
  };
}

function directoryOf(headers: ImageHeaders, name: keyof typeof DIRECTORY): DataDirectory | undefined {
  const directory = headers.directories[DIRECTORY[name]];
  return directory === undefined || directory.rva === 0 ? undefined : directory;
}
