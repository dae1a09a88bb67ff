/** PoolSnapshot: what one print-out says of a machine's pools at one moment, whichever tool printed it. */
import type { PoolTag } from '../../data/pool-tag.ts';

export type Pool = 'nonpaged' | 'paged';

/** The tools whose output is read, each with a reader of its own. */
export type SnapshotFormat =
  | 'poolmon'
  | 'memsnap'
  | 'poolused'
  | 'poolfind'
  | 'pool-page'
  | 'vm'
  | 'processes'
  | 'verifier'
  | 'perfmon-csv'
  | 'powershell-csv'
  | 'event-2004'
  | 'pooltag-json'
  | 'pooltag-csv';

/** One tag in one pool. What a format does not print is absent, never zero. */
export interface PoolRow {
  tag: PoolTag;
  pool: Pool;
  /** Allocations and frees since the machine started: 32-bit counters that wrap around. */
  allocs?: number;
  frees?: number;
  /** Allocations that are not freed; computed where only the counters are printed. */
  diff?: number;
  /** Bytes that are in use. */
  bytes?: number;
  /** What the tool itself says of the owner: PoolMon's Mapped_Driver, the debugger's description. */
  mapped?: string;
  /** The tool prints dots for bytes that it cannot show, so that the tag may be another one. */
  isInexact?: true;
}

/** What a header or `!vm` says of the machine's memory, in bytes. */
export interface MemoryFacts {
  physicalBytes?: number;
  availableBytes?: number;
  commitBytes?: number;
  commitLimitBytes?: number;
  commitPeakBytes?: number;
  nonpagedBytes?: number;
  pagedBytes?: number;
  nonpagedAllocs?: number;
  pagedAllocs?: number;
  /** Of the paged pool, what is in physical memory. */
  pagedResidentBytes?: number;
  /** How far each pool may grow. */
  nonpagedLimitBytes?: number;
  pagedLimitBytes?: number;
}

/** A process with what points at it as the culprit of a handle leak. */
export interface ProcessRow {
  /** `svchost.exe`. */
  name: string;
  processId?: number;
  handles?: number;
  threads?: number;
  nonpagedBytes?: number;
  pagedBytes?: number;
  commitBytes?: number;
}

/** One block of pool, as `!pool` and `!poolfind` show it. */
export interface PoolBlock {
  tag: PoolTag;
  pool?: Pool;
  /** As printed, lower-case hex without `0x` or backtick. */
  address: string;
  sizeBytes: number;
  isFree: boolean;
  isProtected: boolean;
  /** Address of the process that is charged, as printed. */
  process?: string;
}

/** What Driver Verifier says of one driver. */
export interface VerifiedDriver {
  /** `foo.sys`. */
  driver: string;
  isUnloaded: boolean;
  /** What is allocated now. */
  nonpagedAllocs?: number;
  pagedAllocs?: number;
  nonpagedBytes?: number;
  pagedBytes?: number;
  /** Allocations that are listed one by one. */
  allocations: {
    tag: PoolTag;
    pool?: Pool;
    address: string;
    sizeBytes: number;
    /** `foo!AllocateContext+0x2c`, or an address. */
    caller?: string;
  }[];
}

export interface PoolSnapshot {
  format: SnapshotFormat;
  /** Where it begins: the file as its reader was told, and the line, counted from 1. */
  file: string | undefined;
  line: number;
  /** Milliseconds since 1970 UTC; absent where nothing tells it. */
  takenAtMs?: number;
  /** What tells the time. */
  timeFrom?: 'text' | 'file' | 'given';
  /** A session's number, or `all` sessions, where the pool of sessions is shown and not the system's. */
  session?: number | 'all';
  rows: PoolRow[];
  memory: MemoryFacts;
  processes: ProcessRow[];
  blocks: PoolBlock[];
  verifier: VerifiedDriver[];
  /** Name of the machine, where the text tells it. */
  computer?: string;
  /** What Driver Verifier counts over all drivers that it verifies. */
  verifierTotals?: Pick<VerifiedDriver, 'nonpagedAllocs' | 'pagedAllocs' | 'nonpagedBytes' | 'pagedBytes'>;
}

/** Something that could not be read, or was read with doubt. */
export interface ReadRemark {
  file: string | undefined;
  /** Counted from 1; absent where it concerns the whole text. */
  line?: number;
  message: string;
}
