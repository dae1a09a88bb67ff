/** The shapes that travel through the program: what is known, what was seen, and the record that joins them. */
import type { PoolTag, TagPattern } from './pool-tag.ts';

/** The processor an image is made for. */
export type Arch = 'x86' | 'x64' | 'arm64';

/** How a tag was seen in a driver, strongest first. Confidence follows from the kind; it is never stored. */
export const EVIDENCE_KINDS = [
  'allocation-call',
  'lookaside-init',
  'framework-call',
  'wrapper-call',
  'structure-field',
  'inferred-call',
  'free-call',
  'default-tag',
  'user-memory',
  'family-literal',
  'literal',
] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** `written`: a list says so. `proven`: a call site shows it. `likely`: good but indirect. `bytes-only`: four bytes, no proof. */
export type Strength = 'written' | 'proven' | 'likely' | 'bytes-only';

/** Good but indirect: an object that is told by its fields alone, memory that another allocated, a name that is computed, user memory with a tag in front. */
const LIKELY: ReadonlySet<EvidenceKind> = new Set([
  'inferred-call',
  'free-call',
  'default-tag',
  'user-memory',
]);

/** The strength that an evidence kind carries. */
export function strengthOf(kind: EvidenceKind): Exclude<Strength, 'written'> {
  if (kind === 'literal' || kind === 'family-literal') return 'bytes-only';
  return LIKELY.has(kind) ? 'likely' : 'proven';
}

/**
 * Where the constant came from on its way to the tag argument of the call at {@link Evidence.rva}; with wrappers, that is the
 * call of the outermost. `global` and `structure` also where another function puts it there. `parameter`: the call reads
 * it from a structure that its function is given, as a context is, by a caller that is not seen; another function fills it.
 */
export const CONSTANT_ORIGINS = [
  'immediate',
  'literal-pool',
  'global',
  'table',
  'structure',
  'computed',
  'parameter',
] as const;
export type ConstantOrigin = (typeof CONSTANT_ORIGINS)[number];

/** One place in a driver where a tag is used. RVAs count from the image base. */
export interface Evidence {
  kind: EvidenceKind;
  /** `ntoskrnl.exe!ExAllocatePoolWithTag`; absent for literals. */
  api?: string;
  /** RVA of the call (or of the four bytes, for literals). */
  rva?: number;
  /** RVA of the function that holds the call, where it is known. */
  functionRva?: number;
  origin?: ConstantOrigin;
  /** For `wrapper-call`: RVAs of the driver's own functions that pass the tag on, the outermost first. */
  wrappers?: number[];
  /** For `structure-field`: `FLT_CONTEXT_REGISTRATION.PoolTag`. */
  structure?: string;
  /** For `default-tag`: the rule that computes it. For `inferred-call`: why the function is taken for an allocator. */
  rule?: string;
  /** The pool that is asked for, where it is constant: `PagedPool`, `NonPagedPoolNx`, `POOL_FLAG_NON_PAGED`. */
  pool?: string;
  /** Bytes that are asked for, where they are constant. */
  sizeBytes?: number;
  /** The call site by the driver's own symbols: `foo!AllocateContext+0x2c`. */
  symbol?: string;
  /** The functions of `wrappers` by the same symbols, null for those without a name. Absent where none has one. */
  wrapperSymbols?: (string | null)[];
}

/** What a driver file says about itself. Absent facts are null, never guessed. */
export interface DriverIdentity {
  fileName: string;
  /** Lower-case hex. */
  sha256: string;
  sizeBytes: number;
  arch: Arch;
  /** ISO 8601 UTC, from the PE header; null where it is zero. */
  linkDate: string | null;
  company: string | null;
  product: string | null;
  description: string | null;
  version: string | null;
  originalName: string | null;
  pdbName: string | null;
  /** The PDB's GUID and age in upper-case hex, as a symbol server spells them. */
  pdbId: string | null;
  /** Lower-case hex. The link was reproducible: the header holds this hash (or its start) in place of a date. */
  buildHash: string | null;
  /** Code of two kinds in one image, of which the native view was scanned. */
  hybrid: HybridKind | null;
  /** The frameworks and classes of driver that the imports show. */
  frameworks: DriverFramework[];
  /** In the order of the import table, those that are loaded late last. */
  imports: ImportedDll[];
  /** `ntoskrnl.exe!ExAllocatePoolWithTag`: the imported functions that take a tag, or give or take back pool; sorted. */
  poolFunctions: string[];
  /** null where nobody looked: the caller had no means to read it. */
  signature: DriverSignature | null;
}

/** ARM64EC: x64 by its header, with ARM64 code. ARM64X: both at once. CHPE: x86 by its header, with ARM64 code. */
export type HybridKind = 'ARM64EC' | 'ARM64X' | 'CHPE';

/** A framework that a driver is built on, or the class of driver that it is. */
export interface DriverFramework {
  /** Stable and short: `kmdf`, `minifilter`. */
  id: string;
  /** For people: `KMDF`. */
  name: string;
  /** `1.15`, where the image says which one it binds to. */
  version: string | null;
}

/** A DLL (or kernel module) that an image imports from. */
export interface ImportedDll {
  /** Lower case with extension: `ntoskrnl.exe`. */
  dll: string;
  /** How many of its functions. */
  functions: number;
  /** Loaded when one of them is first called. */
  delayed: boolean;
}

/** Whether a file is signed within itself. A file without may still be signed by a catalogue. */
export interface DriverSignature {
  /** `unreadable`: there is something in the signature's place, but no signature could be read from it. */
  status: 'signed' | 'none' | 'unreadable';
  /** The first signer first; a signature within another one comes after it. */
  signatures: FileSignature[];
}

/** What one signature says. Only the digest was compared: neither the signer's key nor any certificate was checked. */
export interface FileSignature {
  /** Common name of the signer's certificate, else its organisation. */
  signer: string | null;
  organization: string | null;
  /** Who issued that certificate. */
  issuer: string | null;
  /** What the signer calls it; Microsoft's hardware programme puts the name of the driver's maker here. */
  programName: string | null;
  /** `sha256`; a dotted object identifier where the algorithm has no name here. */
  digestAlgorithm: string;
  /** The digest that was signed, lower-case hex. */
  digest: string;
  /** Whether the file still has that digest; null where the algorithm cannot be computed. */
  digestMatches: boolean | null;
  /** ISO 8601 UTC. */
  signedAt: string | null;
  /** Who says so: a time-stamp authority by RFC 3161 or by a countersignature, or the signer alone. */
  signedAtBy: 'timestamp' | 'countersignature' | 'signer' | null;
  /** It stands within the signature before it, as second signatures usually do. */
  isNested: boolean;
}

/** When Windows loads the driver that a service names. `manual`: on demand, by the device that needs it or by a program. */
export type DriverStart = 'boot' | 'system' | 'automatic' | 'manual' | 'disabled';

/** An entry of this computer's list of services that names a driver file. */
export interface DriverService {
  name: string;
  start: DriverStart;
  type: 'kernel-driver' | 'file-system-driver' | 'recognizer-driver';
}

/** A tag as one driver uses it, with every site. */
export interface TagSighting {
  tag: PoolTag;
  id: string;
  /** One character is computed and was not worked out: `?` stands for it in `tag`, and `id` is that of a pattern. */
  isPattern?: true;
  /** PROTECTED_POOL was set at some site. */
  protected: boolean;
  evidence: Evidence[];
}

/** Tags that look like pool tags and are none: they name remove locks and references to objects. */
export const OTHER_TAG_KINDS = ['remove-lock', 'object-reference'] as const;
export type OtherTagKind = (typeof OTHER_TAG_KINDS)[number];

/** A tag that a driver uses for something else than pool memory. Many drivers give such a tag and a pool tag one value. */
export interface OtherTag {
  tag: PoolTag;
  id: string;
  kind: OtherTagKind;
  /** `ntoskrnl.exe!IoInitializeRemoveLockEx`. */
  api: string;
  /** RVA of the first call. */
  rva: number;
  sites: number;
}

/** Why a file was not scanned: a stable code and a sentence. */
export interface RefusalReason {
  code:
    | 'not-a-pe'
    | 'truncated'
    | 'empty'
    | 'too-large'
    | 'not-a-file'
    | 'unreadable'
    | 'unsupported-arch'
    | 'managed-image'
    | 'bad-headers'
    | 'scan-failed';
  message: string;
}

export interface ScannedDriver {
  status: 'scanned';
  driver: DriverIdentity;
  sightings: TagSighting[];
  /** Absent where there are none. */
  otherTags?: OtherTag[];
  remarks: string[];
  /** A limit was reached: what is here is right, but not all there is. */
  partial: boolean;
  /** The services that load this file on the computer it was found on; absent where its list of services was not read. */
  services?: DriverService[];
}
export interface RefusedFile {
  status: 'refused';
  fileName: string;
  reason: RefusalReason;
}
/** A bad file is a value, so that it never stops a folder. */
export type ScanOutcome = ScannedDriver | RefusedFile;

/** Where a fact was read. `name` is for people, `url` null for a local file or our own list. */
export interface SourceRef {
  name: string;
  url: string | null;
}

/** One owner that a list (ours or the user's) gives to one tag or pattern. */
export interface KnowledgeEntry {
  /** Four characters; with wildcards where `isPattern`. */
  tag: PoolTag | TagPattern;
  isPattern: boolean;
  /** `nt!ps`, `ntfs.sys`; null where the list names none. */
  image: string | null;
  /** Component id of our knowledge base, `process-manager`; null where we have none. */
  component: string | null;
  /** What the memory is for; null where only the owner is known. */
  meaning: string | null;
  note?: string;
  /** The list: `pooltag-list` is ours; otherwise the path of the user's file. */
  list: string;
  sources: SourceRef[];
}

/** A published report of a leak: what it looked like and what ended it. */
export interface LeakArticle {
  /** Kebab-case, stable: it is part of an address. */
  id: string;
  title: string;
  /** Tags as PoolTags (padded) or patterns; empty where the report names none. */
  tags: (PoolTag | TagPattern)[];
  products: string[];
  symptom: string | null;
  cause: string;
  remedy: string | null;
  status: 'fixed' | 'workaround' | 'open' | 'unknown';
  /** Ids of articles that replaced this one. */
  supersededBy: string[];
  /** Doubt, said aloud. */
  note?: string;
  sources: SourceRef[];
}

/** One driver's use of one tag in short; the full evidence stays with the driver. */
export interface SightingSummary {
  driver: Pick<
    DriverIdentity,
    'fileName' | 'sha256' | 'arch' | 'company' | 'product' | 'version' | 'description'
  > & {
    /** A sample that ships with the program, not a driver of this computer. */
    isSample: boolean;
  };
  /** Strongest first. */
  kinds: EvidenceKind[];
  sites: number;
  protected: boolean;
  /** A few sites, strongest first: see {@link FIRST_SITES}. */
  firstSites: Evidence[];
}

/** How many sites a record keeps per driver, so that it stays small however many drivers use the tag. */
export const FIRST_SITES = 3;

/** All that is known and seen of one tag (or one wildcard entry): what an index keeps. */
export interface TagRecord {
  /** `tagId` or `patternId`. */
  id: string;
  tag: PoolTag | TagPattern;
  isPattern: boolean;
  knowledge: KnowledgeEntry[];
  sightings: SightingSummary[];
  /** Ids of LeakArticles. */
  articleIds: string[];
}
