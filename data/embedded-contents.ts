/** One state of the embedded index: records by tag at once, by word and by facet once they are read, and how a search walks through them. */
import { EmbeddedFacets } from './embedded-facets.ts';
import { EmbeddedTags } from './embedded-tags.ts';
import { EmbeddedWords } from './embedded-words.ts';
import type { TagRecord } from './facts.ts';
import { PatternBeginnings } from './pattern-beginnings.ts';
import type { PoolTag } from './pool-tag.ts';
import { FACET_NAMES } from './search-facets.ts';
import { type ComponentNames, facetsOf, wordsByField } from './search-fields.ts';
import type { FacetCount, FacetName, SearchQuery } from './search-index.ts';
import type { BytesPlan, SearchPlan, TextPlan } from './search-query.ts';
import { keyOfId, recordKey } from './tag-keys.ts';
import { coveringPatternIds, otherCases } from './tag-neighbours.ts';

interface Entry {
  key: number;
  slot: number;
  record: TagRecord;
  /** Empty until the record is read. */
  facets: Uint32Array;
}

const NOT_READ = new Uint32Array();

/** What a search found: all of it in order, and the words that were looked for in the end. */
export interface Found {
  records: readonly { record: TagRecord }[];
  facets: Record<FacetName, FacetCount[]>;
  words: string[];
  ignoredWords: string[];
}

/** A word's rank times this, plus the key of the record, sorts by rank and then by bytes; it stays below 2^53. */
const KEY_RANGE = 2 ** 33;

export class EmbeddedContents {
  readonly #components: ComponentNames;
  readonly #tags = new EmbeddedTags<Entry>();
  readonly #words = new EmbeddedWords();
  readonly #facets = new EmbeddedFacets();
  readonly #slots: Entry[] = [];
  /** The entries before this slot are read: their words and facets are known. */
  #readSlots = 0;
  #reading: Promise<void> | undefined;
  readonly #beginnings = new PatternBeginnings();
  /** Facets of everything, which the first page of every visitor asks for. */
  #facetsOfAll: Record<FacetName, FacetCount[]> | undefined;

  constructor(components: ComponentNames) {
    this.#components = components;
  }

  get size(): number {
    return this.#tags.size;
  }

  /** Whether a search finds everything. */
  get isRead(): boolean {
    return this.#readSlots === this.#slots.length;
  }

  /** Adds records or replaces those with the same ids; none may come twice in one call. Exact look-ups know them at once. */
  put(records: readonly TagRecord[]): void {
    this.#facetsOfAll = undefined;
    // The first ones are read when somebody searches; later ones are few, and are read at once where the others are.
    const isAdded = this.#slots.length > 0 && this.isRead;
    this.#tags.put(records.map(record => this.#entryOf(record)));
    if (isAdded) while (!this.isRead) this.#readNext();
  }

  /** Reads the words and facets of what was put, letting others have a turn after every few records. */
  read(recordsPerTurn: number, nextTurn: () => Promise<unknown>): Promise<void> {
    this.#reading ??= this.#readAll(recordsPerTurn, nextTurn).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** The records with these ids, in their order, without those that are not there. */
  byIds(ids: readonly string[]): TagRecord[] {
    return this.#entries(ids).map(({ record }) => record);
  }

  /** The wildcard entries that cover a tag, the most specific first. */
  covering(tag: PoolTag): TagRecord[] {
    return this.#beginnings.mayCover(tag) ? this.byIds(coveringPatternIds(tag)) : [];
  }

  get(tag: string): TagRecord | undefined {
    return this.#tags.get(recordKey(tag, false))?.record;
  }

  search(query: SearchQuery, plan: SearchPlan): Found {
    const filters = FACET_NAMES.filter(facet => query[facet]).map(facet =>
      this.#facets.numberOf(facet, query[facet]!),
    );
    const passes = (entry: Entry) => filters.every(number => entry.facets.includes(number!));
    // A value that no record has needs no search, and no second one with fewer words.
    if (filters.includes(undefined)) return this.#found([]);
    const keep = (entries: readonly Entry[]) => (filters.length === 0 ? entries : entries.filter(passes));
    if (plan.kind === 'all') {
      const entries = keep(this.#tags.ordered);
      return this.#found(entries, filters.length === 0 ? this.#countAll() : this.#facets.count(entries));
    }
    if (plan.kind === 'bytes') return this.#found(keep(this.#withBytes(plan)));
    return this.#withText(plan, passes);
  }

  async #readAll(recordsPerTurn: number, nextTurn: () => Promise<unknown>): Promise<void> {
    while (!this.isRead) {
      this.#readNext();
      if (this.#readSlots % recordsPerTurn === 0) await nextTurn();
    }
  }

  #readNext(): void {
    this.#readEntry(this.#slots[this.#readSlots]!);
    this.#readSlots++;
  }

  #readEntry(entry: Entry): void {
    this.#words.add(entry.slot, wordsByField(entry.record, this.#components));
    entry.facets = this.#facets.numbersOf(facetsOf(entry.record, this.#components));
  }

  #entryOf(record: TagRecord): Entry {
    const key = recordKey(record.tag, record.isPattern);
    if (record.isPattern) this.#beginnings.add(record.tag);
    const known = this.#tags.get(key);
    const slot = known?.slot ?? this.#slots.length;
    const entry: Entry = { key, slot, record, facets: NOT_READ };
    this.#slots[slot] = entry;
    if (known && slot < this.#readSlots) {
      this.#words.remove(slot, wordsByField(known.record, this.#components));
      this.#readEntry(entry);
    }
    return entry;
  }

  #entries(ids: readonly string[]): Entry[] {
    return ids.flatMap(id => this.#tags.get(keyOfId(id)) ?? []);
  }

  #countAll(): Record<FacetName, FacetCount[]> {
    this.#facetsOfAll ??= this.#facets.count(this.#tags.ordered);
    return this.#facetsOfAll;
  }

  #found(entries: readonly Entry[], facets = this.#facets.count(entries)): Found {
    return { records: entries, facets, words: [], ignoredWords: [] };
  }

  #withBytes(plan: BytesPlan): Entry[] {
    return [...new Set([...this.#entries(plan.first), ...this.#tags.shaped(plan.shapes)])];
  }

  #withText(plan: TextPlan, passes: (entry: Entry) => boolean): Found {
    const byTag = new Set(this.#withTag(plan).filter(passes));
    const search = (words: readonly string[]) =>
      this.#withWords(words, entry => !byTag.has(entry) && passes(entry));
    for (const words of [plan.words, plan.nameParts ?? []]) {
      const byWords = search(words);
      if (byWords.length > 0 || byTag.size > 0) {
        return { ...this.#found([...byTag, ...byWords]), words: [...words] };
      }
    }
    const known = plan.terms.filter(term => search(term.words).length > 0);
    for (let count = Math.min(known.length, plan.terms.length - 1); count > 0; count--) {
      const terms = known.slice(0, count);
      const words = terms.flatMap(term => term.words);
      const byWords = search(words);
      if (byWords.length === 0) continue;
      const ignored = plan.terms.filter(term => !terms.includes(term));
      return { ...this.#found(byWords), words, ignoredWords: ignored.map(term => term.text) };
    }
    return this.#found([]);
  }

  /** Exact tags, then tags that begin so in the same case, in another case, then wildcards that cover the first. */
  #withTag({ exact, prefix, covering }: TextPlan): Entry[] {
    const beginnings = prefix === null ? [] : [prefix, ...otherCases(prefix)];
    return [
      ...this.#entries(exact),
      ...beginnings.flatMap(beginning => this.#tags.beginningWith(beginning)),
      ...this.#entries(covering),
    ];
  }

  /** Only what passes is sorted: a common word has tens of thousands. */
  #withWords(words: readonly string[], passes: (entry: Entry) => boolean): Entry[] {
    const ranks = this.#words.find(words);
    const sortable = new Float64Array(ranks.size);
    let length = 0;
    for (const [slot, rank] of ranks) {
      const entry = this.#slots[slot]!;
      if (passes(entry)) sortable[length++] = rank * KEY_RANGE + entry.key;
    }
    return Array.from(sortable.subarray(0, length).sort(), value => this.#tags.get(value % KEY_RANGE)!);
  }
}
