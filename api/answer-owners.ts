/** Ranks who owns a tag: what lists say and what call sites show, side by side, the same owner said once. */

import type {
  EvidenceKind,
  KnowledgeEntry,
  SightingSummary,
  SourceRef,
  Strength,
  TagRecord,
} from '../data/facts.ts';
import { EVIDENCE_KINDS, strengthOf } from '../data/facts.ts';
import { patternSpecificity, tagText } from '../data/pool-tag.ts';
import type { Owner } from './answer-document.ts';
import { driverLinks } from './answer-links.ts';
import { canonicalFile, imageFiles, ownerKey, ownerNames } from './image-names.ts';

/** Evidence that this driver takes pool memory itself, and not only gives it back or computes with the tag. */
const ALLOCATING: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'allocation-call',
  'lookaside-init',
  'framework-call',
  'wrapper-call',
  'structure-field',
]);

/** The strengths, the most trusted first. */
const STRENGTH_ORDER: readonly Strength[] = ['written', 'proven', 'likely', 'bytes-only'];

/** The strength of what one driver shows: that of its strongest evidence. */
export function sightingStrength(sighting: SightingSummary): Exclude<Strength, 'written'> {
  const strengths = sighting.kinds.map(strengthOf);
  if (strengths.includes('proven')) return 'proven';
  return strengths.includes('likely') ? 'likely' : 'bytes-only';
}

/** Whether the driver is seen to allocate with the tag. */
export function isAllocating(sighting: SightingSummary): boolean {
  return sighting.kinds.some(kind => ALLOCATING.has(kind));
}

/** The better of all strengths; `bytes-only` where there is none. */
export function bestStrength(strengths: Iterable<Strength>): Strength {
  const given = new Set(strengths);
  return STRENGTH_ORDER.find(strength => given.has(strength)) ?? 'bytes-only';
}

/** Sightings in the order a reader wants them: the strongest evidence first, then many sites before few. */
export function rankSightings(sightings: readonly SightingSummary[]): SightingSummary[] {
  const kindRank = (sighting: SightingSummary) =>
    Math.min(...sighting.kinds.map(kind => EVIDENCE_KINDS.indexOf(kind)), EVIDENCE_KINDS.length);
  return [...sightings].sort(
    (a, b) =>
      kindRank(a) - kindRank(b) ||
      b.sites - a.sites ||
      compareText(a.driver.fileName, b.driver.fileName) ||
      compareText(a.driver.sha256, b.driver.sha256),
  );
}

interface RankedOwner extends Owner {
  /** One of RANK, and for wildcard entries as much more as they are general. */
  rank: number;
  isSeen: boolean;
  lists: Set<string>;
}

/** Smaller is better. An entry that names nobody tells the meaning, but a driver that allocates is the better owner. */
const RANK = { written: 0, proven: 1, likely: 2, nobody: 3, wildcard: 4 } as const;

/** A shared default tag may be used by hundreds of drivers; beyond these, the sightings tell. */
const MAX_OWNERS = 20;
/** Scans of twenty builds of one driver say no more than a few. */
const MAX_SOURCES = 6;

/**
 * The owners of a tag, ranked: exact entries (those a scan confirms first), drivers seen to allocate with it, likely
 * ones, and last the wildcard entries that cover it, the most specific first. Bytes without proof make no owner.
 */
export function ownersOf(record: TagRecord | undefined, covering: readonly TagRecord[]): Owner[] {
  const owners: RankedOwner[] = [];
  for (const entry of record?.knowledge ?? []) addWritten(owners, entry);
  for (const entry of covering.flatMap(({ knowledge }) => knowledge)) addWritten(owners, entry);
  addSeen(owners, record?.sightings ?? []);
  return owners
    .sort((a, b) => a.rank - b.rank || Number(b.isSeen) - Number(a.isSeen))
    .slice(0, MAX_OWNERS)
    .map(({ rank, isSeen, lists, ...owner }) => owner);
}

/** An entry that names several images gives each of them. */
function addWritten(owners: RankedOwner[], entry: KnowledgeEntry): void {
  const names = ownerNames(entry.image);
  const before = owners.filter(owner => !owner.lists.has(entry.list));
  for (const image of names.length === 0 ? [null] : names) addOwner(owners, before, entry, image);
}

/** `before`: the owners that other lists named, which the entry may confirm. */
function addOwner(
  owners: RankedOwner[],
  before: readonly RankedOwner[],
  entry: KnowledgeEntry,
  image: string | null,
): void {
  const matched = entry.isPattern ? tagText(entry.tag) : undefined;
  const same = before.find(owner => owner.matched === matched && isSameOwner(owner.image, image));
  // One list that names an owner twice means two uses of the tag; two lists that name the same one agree.
  if (same !== undefined) {
    same.lists.add(entry.list);
    same.component ??= entry.component;
    same.meaning ??= entry.meaning;
    same.note ??= entry.note;
    for (const source of entry.sources) addSource(same, source);
    return;
  }
  const { wildcard, nobody, written } = RANK;
  const exactRank = image === null ? nobody : written;
  owners.push({
    image,
    component: entry.component,
    meaning: entry.meaning,
    ...(entry.note === undefined ? {} : { note: entry.note }),
    strength: 'written',
    ...(matched === undefined ? {} : { matched }),
    sources: [...entry.sources],
    rank: entry.isPattern ? wildcard + (4 - patternSpecificity(entry.tag)) : exactRank,
    isSeen: false,
    lists: new Set([entry.list]),
  });
}

function isSameOwner(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : ownerKey(a) === ownerKey(b);
}

function addSeen(owners: RankedOwner[], sightings: readonly SightingSummary[]): void {
  const ranked = rankSightings(sightings).filter(sighting => sightingStrength(sighting) !== 'bytes-only');
  const isSomeoneNamed = owners.some(({ image }) => image !== null) || ranked.some(isAllocating);
  const byFile = new Map<string, RankedOwner[]>();
  for (const owner of owners) {
    for (const file of imageFiles(owner.image)) byFile.set(file, [...(byFile.get(file) ?? []), owner]);
  }
  for (const sighting of ranked) {
    const { fileName, sha256 } = sighting.driver;
    const strength = isAllocating(sighting) ? 'proven' : 'likely';
    const source = { name: `scan of ${fileName}`, url: driverLinks(sha256).page };
    const known = byFile.get(canonicalFile(fileName));
    if (known !== undefined) {
      for (const owner of known) {
        owner.isSeen = true;
        owner.rank = Math.min(owner.rank, owner.matched === undefined ? owner.rank : RANK[strength]);
        addSource(owner, source);
      }
      continue;
    }
    // Who only frees was handed the memory by somebody, and memory of user mode is no pool's: no owner beside another one.
    const isOwnTag = sighting.kinds.some(kind => kind === 'default-tag' || kind === 'inferred-call');
    if (strength === 'likely' && !isOwnTag && isSomeoneNamed) continue;
    const owner: RankedOwner = {
      image: fileName,
      component: null,
      meaning: null,
      strength,
      sources: [source],
      rank: RANK[strength],
      isSeen: true,
      lists: new Set(),
    };
    owners.push(owner);
    byFile.set(canonicalFile(fileName), [owner]);
  }
}

function addSource(owner: Owner, source: SourceRef): void {
  if (owner.sources.length >= MAX_SOURCES) return;
  if (owner.sources.some(({ name, url }) => name === source.name && url === source.url)) return;
  owner.sources.push(source);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
