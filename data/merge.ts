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
import { isPattern, type PoolTag, patternId, type TagPattern, tagId } from './pool-tag.ts';

/** What {@link mergeRecords} joins. */
interface MergeInput {
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

/** A driver's sighting with the text it is sorted by: made once, since records are put together often. */
interface KeyedSighting {
  key: string;
  summary: SightingSummary;
}

interface Slot {
  id: string;
  tag: PoolTag | TagPattern;
  isPattern: boolean;
  knowledge: KnowledgeEntry[];
  articleIds: string[];
  /** In the order of their keys. */
  sightings: KeyedSighting[];
}

/** Keeps the records up to date while scans come in one by one. A driver counts once, by its sha256. */
export class RecordStore {
  readonly #slots = new Map<string, Slot>();
  /** Where each scanned driver's sightings stand: their keys by id of the record, by sha256. */
  readonly #keysByDriver = new Map<string, Map<string, string>>();

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
    const keys = new Map<string, string>();
    const driver = summaryOfDriver(scanned, isSample);
    // Strongest first, then the drivers of this computer, then by name; the hash makes it unique.
    const suffix = `${isSample ? 1 : 0}${driver.fileName.toLowerCase()}\0${sha256}`;
    const keyByRank = Array.from(
      { length: WEAKEST_RANK + 1 },
      (_, rank) => `${String(rank).padStart(2, '0')}${suffix}`,
    );
    for (const sighting of scanned.sightings) {
      const slot = this.#slotOf(sighting.tag, sighting.isPattern ?? false);
      if (sighting.evidence.length === 0 || keys.has(slot.id)) continue;
      const summary = summaryOf(driver, sighting);
      const key = keyByRank[rankOf(summary.kinds[0])];
      slot.sightings.splice(placeOf(key, slot.sightings), 0, { key, summary });
      keys.set(slot.id, key);
      touched.add(slot.id);
    }
    this.#keysByDriver.set(sha256, keys);
    return touched;
  }

  /** Every record that holds a fact, sorted by id. */
  records(): TagRecord[] {
    return this.#recordsOf(this.#slots.keys()).filter(record => !isEmptyRecord(record));
  }

  #forget(sha256: string): Set<string> {
    const keys = this.#keysByDriver.get(sha256) ?? new Map<string, string>();
    for (const [id, key] of keys) {
      const sightings = this.#slots.get(id)?.sightings;
      sightings?.splice(placeOf(key, sightings), 1);
    }
    this.#keysByDriver.delete(sha256);
    return new Set(keys.keys());
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
      slot = { id, tag, isPattern: isWildcard, knowledge: [], articleIds: [], sightings: [] };
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
    sightings: slot.sightings.map(keyed => keyed.summary),
    articleIds: [...slot.articleIds],
  };
}

/** A kind from another version of the program ranks below all that this one knows. */
const WEAKEST_RANK = EVIDENCE_KINDS.length;

function rankOf(kind: EvidenceKind): number {
  const rank = EVIDENCE_KINDS.indexOf(kind);
  return rank === -1 ? WEAKEST_RANK : rank;
}

/** Where the key stands, or where it belongs, in a sorted list. */
function placeOf(key: string, sorted: readonly KeyedSighting[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle].key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One object for all of a driver's sightings. */
function summaryOfDriver({ driver }: ScannedDriver, isSample: boolean): SightingSummary['driver'] {
  const { fileName, sha256, arch, company, product, version, description } = driver;
  return { fileName, sha256, arch, company, product, version, description, isSample };
}

function summaryOf(driver: SightingSummary['driver'], sighting: TagSighting): SightingSummary {
  const { evidence } = sighting;
  const seen = new Set(evidence.map(site => site.kind));
  return {
    driver,
    kinds: seen.size === 1 ? [evidence[0].kind] : [...seen].sort((a, b) => rankOf(a) - rankOf(b)),
    sites: evidence.length,
    protected: sighting.protected,
    firstSites: strongestSites(evidence),
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
