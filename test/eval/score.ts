/** Compares what a scan found in a test driver with what its source declares. */
import type { Evidence, ScannedDriver, TagSighting } from '../../data/facts.ts';
import { strengthOf } from '../../data/facts.ts';
import { patternCovers, tagText } from '../../data/pool-tag.ts';
import type { CaseName } from '../drivers/cases.ts';
import type { DeclaredTag, SourceTruth } from '../drivers/truth.ts';

interface Hit {
  declared: DeclaredTag;
  /** The kind that the source declares is among the evidence, or the source leaves it open. */
  kindIsRight: boolean;
  kinds: string[];
}

interface Miss {
  declared: DeclaredTag;
  reason: string;
}

interface FalseHit {
  tag: string;
  /** The bait it fell for; null for a value that the source does not mention. */
  bait: CaseName | null;
  reason: string;
}

export interface Score {
  hits: Hit[];
  misses: Miss[];
  falseHits: FalseHit[];
}

/** A wrapper that the compiler inlines leaves a direct call, and link-time optimisation may inline anything. */
const EQUAL_KINDS: Record<string, readonly string[]> = {
  'wrapper-call': ['allocation-call', 'lookaside-init', 'framework-call'],
  'framework-call': ['wrapper-call'],
  'allocation-call': ['wrapper-call'],
  'lookaside-init': ['wrapper-call'],
};

/** Scores one driver. Literals count neither as hits nor as false hits: they claim nothing. */
export function scoreDriver(outcome: ScannedDriver, truth: SourceTruth): Score {
  const proven = new Map<string, TagSighting>();
  const literals = new Set<string>();
  for (const sighting of outcome.sightings) {
    if (sighting.evidence.some(isProof)) proven.set(sighting.tag, sighting);
    else literals.add(sighting.tag);
  }
  const score: Score = { hits: [], misses: [], falseHits: [] };
  for (const declared of truth.tags) {
    const found = proven.get(declared.tag);
    if (found === undefined) {
      const seen = literals.has(declared.tag) ? 'only as a literal' : 'not at all';
      score.misses.push({ declared, reason: `seen ${seen}; line ${declared.line}` });
      continue;
    }
    const kinds = [...new Set(found.evidence.filter(isProof).map(({ kind }) => kind))];
    const accepted = [declared.kind, ...(EQUAL_KINDS[declared.kind] ?? [])];
    const kindIsRight = declared.kind === 'any' || kinds.some(kind => accepted.includes(kind));
    score.hits.push({ declared, kindIsRight, kinds });
  }
  const known = new Set([...truth.tags.map(({ tag }) => tag), ...truth.open]);
  for (const [tag, sighting] of proven) {
    if (known.has(tag)) continue;
    // A family is true where it covers a tag of the driver: it says that more of them may be used than were found.
    const isOfFamily = (one: string) => patternCovers(tag, one as Parameters<typeof patternCovers>[1]);
    if (sighting.isPattern && [...known].some(isOfFamily)) continue;
    const reason = sighting.evidence.filter(isProof).map(describe).join('; ');
    score.falseHits.push({ tag, bait: truth.bait.get(tag) ?? null, reason });
  }
  return score;
}

/** `"Tag1" by allocation-call at 0x1234 in ntoskrnl.exe!ExAllocatePoolWithTag`. */
function describe({ kind, rva, api, structure, rule }: Evidence): string {
  const place = rva === undefined ? '' : ` at 0x${rva.toString(16)}`;
  return `${kind}${place} ${api ?? structure ?? rule ?? ''}`.trimEnd();
}

/** A tag for a table: printable, quoted where blanks would be lost. */
export function shownTag(tag: string): string {
  const text = tagText(tag as Parameters<typeof tagText>[0]);
  return /\s|\\/.test(text) ? JSON.stringify(text) : text;
}

function isProof({ kind }: Evidence): boolean {
  return strengthOf(kind) !== 'bytes-only';
}
