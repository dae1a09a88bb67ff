/** Joins what lists know with what scans saw: one record per tag, everything side by side. */
import {
  EVIDENCE_KINDS,
  type Evidence,
  type EvidenceKind,
  FIRST_SITES,
  type KnowledgeEntry,
  type LeakArticle,
  type ScannedDriver,
  type SightingSummary,
  type TagRecord,
  type TagSighting,
} from './facts.ts';
import {
  isPattern,
  type PoolTag,
  patternCovers,
  patternId,
  patternSpecificity,
  type TagPattern,
  tagId,
} from './pool-tag.ts';

/** What {@link mergeRecords} joins. */
export interface MergeInput {
  knowledge: Iterable<KnowledgeEntry>;
  articles: Iterable<LeakArticle>;
  scans: Iterable<{ driver: ScannedDriver; isSample: boolean }>;
}

/** All records of one set of facts, sorted by id. */
export function mergeRecords(input: MergeInput): TagRecord[] {
  const store = new RecordStore(input.knowledge, input.articles);
  for (const { driver, isSample } of input.scans) store.put(driver, isSample);
  return store.records();
}

/** A record that nothing knows and nothing shows any more: an index drops it. */
export function isEmptyRecord(record: TagRecord): boolean {
  return record.knowledge.length === 0 && record.sightings.length === 0 && record.articleIds.length === 0;
}

/** The wildcard entries that cover a tag, the most specific first; equally specific ones in byte order. */
export function coveringPatterns<Pattern extends TagPattern | string>(
  patterns: Iterable<Pattern>,
  tag: PoolTag,
): Pattern[] {
  return [...patterns]
    .filter(pattern => patternCovers(pattern, tag))
    .sort((a, b) => patternSpecificity(b) - patternSpecificity(a) || compareText(a, b));
}

interface Slot {
  id: string;
  tag: PoolTag | TagPattern;
  isPattern: boolean;
  knowledge: KnowledgeEntry[];
  articleIds: string[];
  sightings: Map<string, SightingSummary>;
}

/** Keeps the records up to date while scans come in one by one. A driver counts once, by its sha256. */
export class RecordStore {
  readonly #slots = new Map<string, Slot>();
  /** The ids that each scanned driver touches, by sha256. */
  readonly #idsByDriver = new Map<string, string[]>();

  constructor(knowledge: Iterable<KnowledgeEntry>, articles: Iterable<LeakArticle>) {
    for (const entry of knowledge) this.#slotOf(entry.tag, entry.isPattern).knowledge.push(entry);
    for (const article of articles) {
      for (const tag of new Set(article.tags)) {
        this.#slotOf(tag, isPattern(tag)).articleIds.push(article.id);
      }
    }
  }

  /**
   * Adds a driver, or replaces what was seen of the same sha256, and returns the records that changed, sorted by id.
   * A record that lost its last fact is among them: see {@link isEmptyRecord}.
   */
  addScan(scanned: ScannedDriver, isSample: boolean): TagRecord[] {
    return this.#settle(this.put(scanned, isSample));
  }

  /** Takes a driver out and returns the records that changed, sorted by id; none where it was not there. */
  removeScan(sha256: string): TagRecord[] {
    return this.#settle(this.#forget(sha256));
  }

  /** As {@link addScan}, returning the ids alone: for many drivers before anything is read. */
  put(scanned: ScannedDriver, isSample: boolean): Set<string> {
    const { sha256 } = scanned.driver;
    const touched = this.#forget(sha256);
    const ids: string[] = [];
    for (const sighting of scanned.sightings) {
      if (sighting.evidence.length === 0) continue;
      const slot = this.#slotOf(sighting.tag, false);
      slot.sightings.set(sha256, summaryOf(scanned, sighting, isSample));
      ids.push(slot.id);
      touched.add(slot.id);
    }
    this.#idsByDriver.set(sha256, ids);
    return touched;
  }

  /** Every record that holds a fact, sorted by id. */
  records(): TagRecord[] {
    return this.#recordsOf(this.#slots.keys()).filter(record => !isEmptyRecord(record));
  }

  #forget(sha256: string): Set<string> {
    const touched = new Set(this.#idsByDriver.get(sha256));
    for (const id of touched) this.#slots.get(id)?.sightings.delete(sha256);
    this.#idsByDriver.delete(sha256);
    return touched;
  }

  #settle(touched: Set<string>): TagRecord[] {
    const records = this.#recordsOf(touched);
    for (const record of records) {
      if (isEmptyRecord(record)) this.#slots.delete(record.id);
    }
    return records;
  }

  #recordsOf(ids: Iterable<string>): TagRecord[] {
    return [...ids].sort(compareText).map(id => recordOf(this.#slots.get(id)!));
  }

  #slotOf(tag: PoolTag | TagPattern, isWildcard: boolean): Slot {
    const id = isWildcard ? patternId(tag as TagPattern) : tagId(tag as PoolTag);
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = { id, tag, isPattern: isWildcard, knowledge: [], articleIds: [], sightings: new Map() };
      this.#slots.set(id, slot);
    }
    return slot;
  }
}

/** Copies, so that a record handed out never changes under its reader. */
function recordOf(slot: Slot): TagRecord {
  return {
    id: slot.id,
    tag: slot.tag,
    isPattern: slot.isPattern,
    knowledge: [...slot.knowledge],
    sightings: [...slot.sightings.values()].sort(compareSightings),
    articleIds: [...slot.articleIds],
  };
}

const RANK_BY_KIND = new Map(EVIDENCE_KINDS.map((kind, rank) => [kind, rank]));

function rankOf(kind: EvidenceKind): number {
  return RANK_BY_KIND.get(kind) ?? EVIDENCE_KINDS.length;
}

function compareSightings(a: SightingSummary, b: SightingSummary): number {
  return (
    rankOf(a.kinds[0]) - rankOf(b.kinds[0]) ||
    Number(a.driver.isSample) - Number(b.driver.isSample) ||
    compareText(a.driver.fileName.toLowerCase(), b.driver.fileName.toLowerCase()) ||
    compareText(a.driver.sha256, b.driver.sha256)
  );
}

function summaryOf(scanned: ScannedDriver, sighting: TagSighting, isSample: boolean): SightingSummary {
  const { fileName, sha256, arch, company, product, version, description } = scanned.driver;
  const kinds = new Set(sighting.evidence.map(site => site.kind));
  return {
    driver: { fileName, sha256, arch, company, product, version, description, isSample },
    kinds: [...kinds].sort((a, b) => rankOf(a) - rankOf(b)),
    sites: sighting.evidence.length,
    protected: sighting.protected,
    firstSites: strongestSites(sighting.evidence),
  };
}

/** The first sites by strength, then by address; one pass, since a tag may have thousands. */
function strongestSites(evidence: readonly Evidence[]): Evidence[] {
  const best: Evidence[] = [];
  for (const site of evidence) {
    let place = best.length;
    while (place > 0 && compareSites(site, best[place - 1]) < 0) place--;
    if (place >= FIRST_SITES) continue;
    best.splice(place, 0, site);
    if (best.length > FIRST_SITES) best.pop();
  }
  return best;
}

function compareSites(a: Evidence, b: Evidence): number {
  return rankOf(a.kind) - rankOf(b.kind) || (a.rva ?? 0) - (b.rva ?? 0);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
