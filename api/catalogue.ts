/** The catalogue: all that this process has loaded (knowledge, tag lists, scanned drivers), over one index of tags. */
import { type RefusedFile, type ScanOutcome, strengthOf, type TagRecord } from '../data/facts.ts';
import type { Component, Knowledge, KnownLeak } from '../data/knowledge.ts';
import { RecordStore } from '../data/merge.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import type { TagList } from '../data/pooltag-txt.ts';
import { ReadingSearch } from '../data/reading-search.ts';
import type { SearchIndex } from '../data/search-index.ts';
import { withServices } from '../scanner/service-tags.ts';
import { AdviceBook } from './advice-book.ts';
import type { OtherUse } from './answer-document.ts';
import type { AnswerSource } from './answer-source.ts';
import type { CatalogueSummary, ScanProgress } from './catalogue-summary.ts';
import { NO_SCAN } from './catalogue-summary.ts';
import { type CatalogueDriver, type DriverPage, type DriverQuery, listDrivers } from './driver-list.ts';
import { canonicalFile, imageFiles, ownerKey } from './image-names.ts';
import { OtherTagUses } from './other-tag-uses.ts';

export type { CatalogueSummary } from './catalogue-summary.ts';

/** A user's pooltag.txt or localtag.txt as it was read, and where it lies. */
export type LoadedTagFile = Pick<TagList, 'entries' | 'remarks'> & {
  /** As the entries' `list` names it. */
  path: string;
  /** The version that the file names, where it does. */
  version?: TagList['version'];
};

export interface CatalogueOptions {
  knowledge: Knowledge;
  index: SearchIndex;
  tagFiles?: readonly LoadedTagFile[];
  /**
   * Whether to put knowledge and lists into the index. Without it an embedded index is filled, and one that a server
   * keeps only where it is empty: another process may have put more into it than this one knows.
   */
  fill?: boolean;
}

/** What whoever scanned knows of an outcome. */
export interface OutcomeFacts {
  /** The driver ships with the program. */
  isSample?: boolean;
  /** The path that the file was read from. */
  file?: string;
}

/** Outcomes that are put into the index together: each update costs a turn of the index, or a request to a server. */
const BATCH_DRIVERS = 25;
/** How long a scanned driver may stay out of the index, in milliseconds. */
const BATCH_DELAY_MS = 250;
/** How long answers from an index that others may change are kept, in milliseconds. */
const ANSWER_LIFETIME_MS = 2_000;
/** Refused files that are kept by name; more of them are only counted. */
const MAX_REFUSED_KEPT = 10_000;

export class Catalogue implements AnswerSource {
  readonly knowledge: Knowledge;
  readonly advice: AdviceBook;
  readonly reading: ReadingSearch;
  readonly index: SearchIndex;
  readonly tagFiles: readonly LoadedTagFile[];
  readonly #store: RecordStore;
  readonly #components: ReadonlyMap<string, Component>;
  readonly #componentsByOwner: ReadonlyMap<string, Component | null>;
  readonly #articles: ReadonlyMap<string, KnownLeak>;
  readonly #drivers = new Map<string, CatalogueDriver>();
  /** Where the drivers were found, by SHA-256: apart from them, because an answer must never show it. */
  readonly #files = new Map<string, string>();
  readonly #otherUses = new OtherTagUses();
  /** SHA-256 of the scanned drivers that are no samples, by canonical file name. */
  readonly #byFileName = new Map<string, Set<string>>();
  readonly #refused: RefusedFile[] = [];
  #refusedCount = 0;
  #scan: ScanProgress = NO_SCAN;
  #version = 1;
  #unproven = { version: 0, count: 0 };
  /** Records that changed since the last flush, by id. */
  #pending = new Map<string, TagRecord>();
  #pendingOutcomes = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastFlush: Promise<void> = Promise.resolve();

  /** A catalogue with its index filled. Throws SearchUnavailable where the index does not answer. */
  static async create(options: CatalogueOptions): Promise<Catalogue> {
    const catalogue = new Catalogue(options);
    const { index } = options;
    const fill = options.fill ?? (index.kind === 'embedded' || (await index.count()) === 0);
    if (fill) await index.replaceAll(catalogue.records());
    return catalogue;
  }

  private constructor({ knowledge, index, tagFiles = [] }: CatalogueOptions) {
    this.knowledge = knowledge;
    this.advice = new AdviceBook(knowledge.advice);
    this.reading = new ReadingSearch(knowledge);
    this.index = index;
    this.tagFiles = tagFiles;
    this.#components = new Map(knowledge.components.map(component => [component.id, component]));
    this.#componentsByOwner = byOwner(knowledge.components);
    this.#articles = new Map(knowledge.articles.map(article => [article.id, article]));
    const entries = [...knowledge.entries, ...tagFiles.flatMap(file => file.entries)];
    this.#store = new RecordStore(entries, knowledge.articles);
  }

  /** Rises with every change of what this process has loaded; never falls. */
  get version(): number {
    return this.#version;
  }

  /**
   * Rises with every change that an answer could show; never falls. An index that a server keeps may be changed by
   * others, unseen, so there it rises with time as well.
   */
  get answerVersion(): number {
    if (this.index.kind === 'embedded') return this.#version;
    return this.#version + Math.floor(Date.now() / ANSWER_LIFETIME_MS);
  }

  component(id: string): Component | undefined {
    return this.#components.get(id);
  }

  componentOf(image: string): Component | undefined {
    const [file] = imageFiles(image);
    const byFile = file === 'ntoskrnl.exe' ? undefined : this.#componentsByOwner.get(file);
    return this.#componentsByOwner.get(ownerKey(image)) ?? byFile ?? undefined;
  }

  article(id: string): KnownLeak | undefined {
    return this.#articles.get(id);
  }

  scannedDrivers(file: string): { fileName: string; version: string | null }[] {
    return [...(this.#byFileName.get(file) ?? [])].map(sha256 => this.#drivers.get(sha256)!.driver);
  }

  otherUses(tag: PoolTag): OtherUse[] {
    return this.#otherUses.of(tag);
  }

  /** Every record of what this process has loaded, sorted by id: what exports are made of. */
  records(): TagRecord[] {
    return this.#store.records();
  }

  /** Takes what became of one file. Its tags are in the index after the next batch; see {@link flush}. */
  addOutcome(outcome: ScanOutcome, { isSample = false, file }: OutcomeFacts = {}): void {
    if (outcome.status === 'scanned') {
      const { fileName, sha256 } = outcome.driver;
      if (file !== undefined) this.#files.set(sha256, file);
      // A copy elsewhere that no service names is no news of the one that a service loads.
      const services = this.#drivers.get(sha256)?.services ?? [];
      const scanned = services.length > 0 ? withServices(outcome, services) : outcome;
      this.#drivers.set(sha256, { ...scanned, isSample });
      this.#otherUses.put(scanned, isSample);
      if (!isSample) {
        const key = canonicalFile(fileName);
        this.#byFileName.set(key, (this.#byFileName.get(key) ?? new Set()).add(sha256));
      }
      for (const record of this.#store.addScan(scanned, isSample)) this.#pending.set(record.id, record);
    } else {
      this.#refusedCount++;
      if (this.#refused.length < MAX_REFUSED_KEPT) this.#refused.push(outcome);
    }
    this.#scan = { ...this.#scan, done: this.#scan.done + 1 };
    this.#pendingOutcomes++;
    if (this.#pendingOutcomes >= BATCH_DRIVERS) this.#flushSoon(0);
    else this.#flushSoon(BATCH_DELAY_MS);
  }

  /** Resolves once everything taken so far is in the index; rejects with SearchUnavailable where that fails. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const flushed = this.#lastFlush.then(() => this.#writePending());
    // What failed stays pending and goes with the next batch.
    this.#lastFlush = flushed.catch(() => undefined);
    return flushed;
  }

  /** Says that a scan begins; `total` where it is known already. */
  beginScan(total: number | null = null): void {
    this.#scan = { ...NO_SCAN, state: 'running', total, startedAt: new Date().toISOString() };
  }

  /** Says how far the scan has come; files are counted by {@link addOutcome}. */
  updateScan(progress: { total?: number | null; currentFolder?: string | null }): void {
    this.#scan = { ...this.#scan, ...progress };
  }

  /** Says that the scan is over, and puts the rest into the index. */
  async endScan(): Promise<void> {
    const { done } = this.#scan;
    await this.flush();
    this.#scan = {
      ...this.#scan,
      state: 'done',
      total: done,
      currentFolder: null,
      finishedAt: new Date().toISOString(),
    };
  }

  get scan(): ScanProgress {
    return this.#scan;
  }

  /** The files that were refused, in the order they came; the first {@link MAX_REFUSED_KEPT}. */
  get refused(): readonly RefusedFile[] {
    return this.#refused;
  }

  /** Scanned drivers by file name. */
  drivers(query: DriverQuery): DriverPage {
    return listDrivers(this.#drivers.values(), query);
  }

  /** Every scanned driver, in the order they came. */
  allDrivers(): Iterable<CatalogueDriver> {
    return this.#drivers.values();
  }

  /** A scanned driver by its SHA-256 in lower-case hex. */
  driver(sha256: string): CatalogueDriver | undefined {
    return this.#drivers.get(sha256);
  }

  /** The path of a scanned driver's file on this computer; undefined where it was not said. */
  fileOf(sha256: string): string | undefined {
    return this.#files.get(sha256);
  }

  /** What is loaded. Throws SearchUnavailable where the index does not answer. */
  async summary(): Promise<CatalogueSummary> {
    return {
      tags: (await this.index.count()) - this.#unprovenTags(),
      knowledgeEntries: this.knowledge.entries.length,
      articles: this.knowledge.articles.length,
      tagFiles: this.tagFiles.map(({ path, version = null, entries, remarks }) => ({
        path,
        version,
        entries: entries.length,
        remarks: remarks.length,
      })),
      drivers: this.#drivers.size,
      sampleDrivers: [...this.#drivers.values()].filter(({ isSample }) => isSample).length,
      refused: this.#refusedCount,
      index: this.index.kind,
      scan: this.#scan,
    };
  }

  /** Records that hold four bytes of some driver and nothing else: they can be looked up, but are not known. */
  #unprovenTags(): number {
    if (this.#unproven.version !== this.#version) {
      const count = this.#store.records().filter(isBytesOnly).length;
      this.#unproven = { version: this.#version, count };
    }
    return this.#unproven.count;
  }

  #flushSoon(delayMs: number): void {
    if (this.#timer !== undefined && delayMs > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Nobody waits for this one; readyz tells that the index is away, and the batch is kept.
      this.flush().catch(() => undefined);
    }, delayMs);
    this.#timer.unref();
  }

  async #writePending(): Promise<void> {
    if (this.#pendingOutcomes === 0) return;
    const records = this.#pending;
    this.#pending = new Map();
    this.#pendingOutcomes = 0;
    try {
      await this.index.update(records.values());
    } catch (error) {
      this.#pending = new Map([...records, ...this.#pending]);
      this.#pendingOutcomes++;
      throw error;
    } finally {
      this.#version++;
    }
  }
}

/** Components by the owner they are; null where several share one. */
function byOwner(components: readonly Component[]): Map<string, Component | null> {
  const found = new Map<string, Component | null>();
  for (const component of components) {
    if (component.image === null) continue;
    const owner = ownerKey(component.image);
    found.set(owner, found.has(owner) ? null : component);
  }
  return found;
}

function isBytesOnly({ knowledge, articleIds, sightings }: TagRecord): boolean {
  const isWritten = knowledge.length > 0 || articleIds.length > 0;
  return !isWritten && sightings.every(({ kinds }) => kinds.every(kind => strengthOf(kind) === 'bytes-only'));
}
