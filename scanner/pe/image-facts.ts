/** What `pe/` hands to `code/`: a PE image as sections, imports, exports and function ranges. Every address is an RVA. */
import type { Arch, HybridKind } from '../../data/facts.ts';
import type { CertificateTable } from './certificate-table.ts';

export interface Section {
  name: string;
  rva: number;
  /** Bytes in memory; what `bytes` lacks of it is zero. */
  virtualSize: number;
  /** The part that the file holds, never longer than `virtualSize` rounded up to a page. */
  bytes: Uint8Array;
  executable: boolean;
  writable: boolean;
}

export interface ImportedFunction {
  /** Lower case with extension: `ntoskrnl.exe`. */
  dll: string;
  /** null for an import by ordinal. */
  name: string | null;
  ordinal: number | null;
  /** RVA of the import address table slot (4 bytes on x86, else 8). */
  slotRva: number;
  delayed: boolean;
}

export interface ExportedFunction {
  /** null for an export by ordinal alone. */
  name: string | null;
  rva: number;
}

/** A function's code, end exclusive, from .pdata; chained entries are folded into their parent's `beginRva`. */
export interface FunctionRange {
  beginRva: number;
  endRva: number;
  /** RVA where the function that owns this piece begins (equals `beginRva` unless the piece is chained). */
  functionRva: number;
  /** RVA of its unwind data, where it has any of its own. */
  unwindRva?: number;
}

export interface VersionFacts {
  company: string | null;
  product: string | null;
  description: string | null;
  version: string | null;
  originalName: string | null;
}

export interface DriverImage {
  arch: Arch;
  /** Size of a pointer in the image, in bytes. */
  pointerSize: 4 | 8;
  imageBase: number;
  sizeOfImage: number;
  entryPointRva: number;
  /** The header's TimeDateStamp, seconds; 0 where absent. */
  timestamp: number;
  /** Sorted by RVA, not overlapping. */
  sections: readonly Section[];
  imports: readonly ImportedFunction[];
  exports: readonly ExportedFunction[];
  /** Sorted by `beginRva`, not overlapping; empty on x86. */
  functionRanges: readonly FunctionRange[];
  /** Sorted RVAs of the pointer-sized values that the loader relocates; empty where the image has none. */
  relocations: Uint32Array;
  /** RVAs of Control Flow Guard's pointers in the load config: calls through these go to the register they check. */
  guardSlots: {
    check: number | null;
    dispatch: number | null;
    /** The same two of eXtended Flow Guard. */
    xfgCheck: number | null;
    xfgDispatch: number | null;
  };
  version: VersionFacts;
  /** The PDB's file name without folders. */
  pdbName: string | null;
  /** GUID and age in upper-case hex, as a symbol server spells them. */
  pdbId: string | null;
  /** The link was reproducible: `timestamp` is a hash, not a time. */
  isReproducible: boolean;
  /** The whole hash of a reproducible link in lower-case hex, where the linker wrote it. */
  reproHash: string | null;
  /** Holds code of two kinds, of which the native view is read. */
  hybrid: HybridKind | null;
  /** Where the embedded signatures are; null without any. */
  certificates: CertificateTable | null;
  remarks: string[];
  /** The section whose virtual range holds the RVA. */
  sectionAt(rva: number): Section | undefined;
  /** Little-endian 32 bits at an RVA, zero-filled past the raw bytes; undefined outside every section. */
  u32At(rva: number): number | undefined;
  /** The pointer stored at an RVA, as an RVA of this image; undefined where it points elsewhere. */
  pointerAt(rva: number): number | undefined;
}
