/** An index for commands that only look tags up: ready in a millisecond, because it reads no words. */
import type { KnowledgeEntry, TagRecord } from '../data/facts.ts';
import { isEmptyRecord } from '../data/merge.ts';
import { PatternBeginnings } from '../data/pattern-beginnings.ts';
import { type PoolTag, tagId } from '../data/pool-tag.ts';
import { type SearchIndex, type SearchPage, SearchUnavailable } from '../data/search-index.ts';
import { caseVariantIds, coveringPatternIds } from '../data/tag-neighbours.ts';

export class ExactIndex implements SearchIndex {
  readonly kind = 'embedded';
  #records = new Map<string, TagRecord>();
  readonly #beginnings = new PatternBeginnings();

  remarks(): string[] {
    return [];
  }

  async count(): Promise<number> {
    return this.#records.size;
  }

  async replaceAll(records: Iterable<TagRecord>): Promise<void> {
    this.#records = new Map();
    await this.update(records);
  }

  async update(records: Iterable<TagRecord>): Promise<void> {
    for (const record of records) {
      if (isEmptyRecord(record)) this.#records.delete(record.id);
      else this.#records.set(record.id, record);
      if (record.isPattern) this.#beginnings.add(record.tag);
    }
  }

  async find(tag: PoolTag): Promise<TagRecord | undefined> {
    return this.#records.get(tagId(tag));
  }

  async findMany(tags: readonly PoolTag[]): Promise<(TagRecord | undefined)[]> {
    return tags.map(tag => this.#records.get(tagId(tag)));
  }

  async caseVariants(tag: PoolTag): Promise<TagRecord[]> {
    return this.#byIds(caseVariantIds(tag));
  }

  async covering(tag: PoolTag): Promise<TagRecord[]> {
    return this.#beginnings.mayCover(tag) ? this.#byIds(coveringPatternIds(tag)) : [];
  }

  /** What lists say of the tag: its own entries, else those of the most specific wildcard entry that covers it. */
  entriesFor(tag: PoolTag): readonly KnowledgeEntry[] {
    const own = this.#records.get(tagId(tag))?.knowledge ?? [];
    if (own.length === 0 && !this.#beginnings.mayCover(tag)) return own;
    return own.length > 0 ? own : (this.#byIds(coveringPatternIds(tag))[0]?.knowledge ?? []);
  }

  async search(): Promise<SearchPage> {
    throw new SearchUnavailable('This index holds no words: it was made for exact look-ups alone.');
  }

  async prepare(): Promise<void> {}

  async close(): Promise<void> {}

  #byIds(ids: readonly string[]): TagRecord[] {
    return ids.map(id => this.#records.get(id)).filter(record => record !== undefined);
  }
}
