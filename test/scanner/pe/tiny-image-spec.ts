/** What a test may ask of a tiny image. */
import type { Arch } from '../../../data/facts.ts';
import type { TinyVersion } from './tiny-version.ts';

export interface TinyImage {
  arch: Arch;
  code?: Uint8Array;
  timestamp?: number;
  /** Per DLL: names, or ordinals as numbers. */
  imports?: Record<string, (string | number)[]>;
  delayImports?: Record<string, (string | number)[]>;
  /** Visual C++ 6 wrote virtual addresses into its delay-import table. */
  delayFieldsAreAddresses?: boolean;
  /** RVA, or the name a forwarder leads to. */
  exports?: Record<string, number | string>;
  /** x64: pieces with a `parent` are chained to it. ARM64: `packed` or with a record of their own. */
  functions?: { begin: number; end: number; parent?: number; packed?: boolean }[];
  relocations?: number[];
  pdbPath?: string;
  isReproducible?: boolean;
  /** The hash behind the debug entry of a reproducible build, and the length it claims where that is another. */
  reproHash?: Uint8Array;
  reproHashLength?: number;
  versions?: TinyVersion[];
  /** RVAs of Control Flow Guard's pointers. */
  guard?: { check: number; dispatch: number };
  isHybrid?: boolean;
  isManaged?: boolean;
  /** Bytes after the last section: a signature, say. */
  tail?: { directory?: boolean; bytes: Uint8Array };
}

/** Where the sections lie in memory; each may have up to 4 KB. */
export const TINY_RVA = { text: 0x1000, rdata: 0x2000, pdata: 0x3000, rsrc: 0x4000, reloc: 0x5000 } as const;
/** The base of every tiny image, beyond 32 bits where the processor allows it. */
export const TINY_BASE = { x86: 0x10000, x64: 0x1_4000_0000, arm64: 0x1_4000_0000 } as const;

/** The data directories, to be filled in by whoever writes a table. */
export type Directories = { rva: number; size: number }[];

/** Whether addresses have eight bytes. */
export function isWide(spec: TinyImage): boolean {
  return spec.arch !== 'x86';
}
