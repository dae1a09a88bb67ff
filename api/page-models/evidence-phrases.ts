/** Evidence in words, as pages say it: `12 allocation calls`. */
import type { Evidence, EvidenceKind, Strength } from '../../data/facts.ts';
import { EVIDENCE_KINDS } from '../../data/facts.ts';
import { addressText } from '../evidence-words.ts';
import { requestInWords } from '../site-words.ts';

const NOUNS: Record<EvidenceKind, readonly [one: string, many: string]> = {
  'allocation-call': ['allocation call', 'allocation calls'],
  'lookaside-init': ['lookaside list', 'lookaside lists'],
  'framework-call': ['call of the framework', 'calls of the framework'],
  'wrapper-call': ['call by a wrapper', 'calls by a wrapper'],
  'structure-field': ['structure field', 'structure fields'],
  'inferred-call': ['inferred call', 'inferred calls'],
  'free-call': ['free call', 'free calls'],
  'default-tag': ['default tag of its framework', 'default tags of its framework'],
  'user-memory': ['block of user memory', 'blocks of user memory'],
  'family-literal': ['place beside proven tags, bytes only', 'places beside proven tags, bytes only'],
  literal: ['place with the bytes', 'places with the bytes'],
};

/** A place in a driver, ready to show. */
export interface SiteLine {
  words: string;
  api: string | null;
  rva: string | null;
  functionRva: string | null;
  /** `foo!AllocateContext+0x2c`. */
  symbol: string | null;
  /** `from PagedPool, 64 bytes`; null where neither is constant. */
  request: string | null;
  /** The driver's own functions that pass the tag on, by name or address; empty where no name is known. */
  wrappers: string[];
}

/** `12 allocation calls, 3 free calls`, in the order of proof. */
export function evidencePhrase(evidence: readonly Pick<Evidence, 'kind'>[]): string {
  const counts = new Map<EvidenceKind, number>();
  for (const { kind } of evidence) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return EVIDENCE_KINDS.filter(kind => counts.has(kind))
    .map(kind => counted(counts.get(kind)!, ...NOUNS[kind]))
    .join(', ');
}

/** The same where only the kinds and the sum of the sites are known: `14 sites: allocation calls, free calls`. */
export function summaryPhrase(kinds: readonly EvidenceKind[], sites: number): string {
  if (kinds.length === 1) return counted(sites, ...NOUNS[kinds[0]]);
  return `${counted(sites, 'site', 'sites')}: ${kinds.map(kind => NOUNS[kind][1]).join(', ')}`;
}

/** One place as a line. */
export function siteLine(site: {
  kind: EvidenceKind;
  api?: string;
  rva?: number;
  functionRva?: number;
  structure?: string;
  pool?: string;
  sizeBytes?: number;
  symbol?: string;
  wrappers?: readonly number[];
  wrapperSymbols?: readonly (string | null)[];
}): SiteLine {
  const words = NOUNS[site.kind][0];
  return {
    words: words[0].toUpperCase() + words.slice(1),
    api: site.api ?? site.structure ?? null,
    rva: site.rva === undefined ? null : addressText(site.rva),
    functionRva: site.functionRva === undefined ? null : addressText(site.functionRva),
    symbol: site.symbol ?? null,
    request: requestInWords(site),
    wrappers: (site.wrapperSymbols ?? []).map((name, at) => name ?? addressText(site.wrappers?.[at] ?? 0)),
  };
}

/** A strength as a word with its colour class. */
export interface StrengthMark {
  name: Strength;
  word: string;
}

/** `proven`, `bytes only`: colour never stands alone. */
export function strengthMark(strength: Strength): StrengthMark {
  return { name: strength, word: strength === 'bytes-only' ? 'bytes only' : strength };
}

/** `1 tag`, `4,647 tags`. */
export function counted(count: number, one: string, many: string): string {
  return `${groupedNumber(count)} ${count === 1 ? one : many}`;
}

/** `4,647`. */
export function groupedNumber(count: number): string {
  return count.toLocaleString('en-GB');
}
