/** One state of the embedded index: records by tag, by word and by facet, and how a search walks through them. */
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
  facets: Uint32Array;
}

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
  readonly #beginnings = new PatternBeginnings();
  /** Facets of everything, which the first page of every visitor asks for. */
  #facetsOfAll: Record<FacetName, FacetCount[]> | undefined;

  constructor(components: ComponentNames) {
    this.#components = components;
  }

  get size(): number {
    return this.#tags.size;
  }

  /** Fills empty contents, letting others have a turn after every few records. */
  async fill(
    records: readonly TagRecord[],
    recordsPerTurn: number,
    nextTurn: () => Promise<unknown>,
  ): Promise<void> {
    const entries: Entry[] = [];
    for (const [index, record] of records.entries()) {
      entries.push(this.#entryOf(record));
      if (index % recordsPerTurn === recordsPerTurn - 1) await nextTurn();
    }
    this.#tags.put(entries);
  }

  /** Adds records or replaces those with the same ids; none may come twice in one call. */
  put(records: readonly TagRecord[]): void {
    this.#facetsOfAll = undefined;
    this.#tags.put(records.map(record => this.#entryOf(record)));
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

  #entryOf(record: TagRecord): Entry {
    const key = recordKey(record.tag, record.isPattern);
    if (record.isPattern) this.#beginnings.add(record.tag);
    const known = this.#tags.get(key);
    const slot = known?.slot ?? this.#slots.length;
    if (known) this.#words.remove(slot, wordsByField(known.record, this.#components));
    this.#words.add(slot, wordsByField(record, this.#components));
    const entry = { key, slot, record, facets: this.#facets.numbersOf(facetsOf(record, this.#components)) };
    this.#slots[slot] = entry;
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
