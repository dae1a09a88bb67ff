/** The index that needs no server: kept in memory. Exact look-ups are right at once; words are read when first asked for. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EmbeddedContents } from './embedded-contents.ts';
import type { TagRecord } from './facts.ts';
import type { PoolTag } from './pool-tag.ts';
import type { ComponentNames } from './search-fields.ts';
import { searchHit } from './search-highlights.ts';
import type { SearchIndex, SearchPage, SearchQuery } from './search-index.ts';
import { readSearchQuery } from './search-query.ts';
import { caseVariantIds } from './tag-neighbours.ts';

/** Above this many records a search takes tens of milliseconds of the one thread that also answers everybody else. */
const EMBEDDED_RECORD_LIMIT = 50_000;

/** Records that are read between two turns of everybody else, a few milliseconds' work. */
const RECORDS_PER_TURN = 250;

/** An empty embedded index. With the components' names it finds tags by them and by their vendors. */
export function createEmbeddedIndex(options: { components?: ComponentNames } = {}): SearchIndex {
  return new EmbeddedIndex(options.components ?? new Map());
}

class EmbeddedIndex implements SearchIndex {
  readonly kind = 'embedded';
  readonly #components: ComponentNames;
  #contents: EmbeddedContents;
  /** Writers wait for each other; readers never wait. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(components: ComponentNames) {
    this.#components = components;
    this.#contents = new EmbeddedContents(components);
  }

  remarks(): string[] {
    const { size } = this.#contents;
    if (size <= EMBEDDED_RECORD_LIMIT) return [];
    return [
      `The embedded index holds ${size.toLocaleString('en')} records and is made for up to ` +
        `${EMBEDDED_RECORD_LIMIT.toLocaleString('en')}. Set MEILI_URL to keep them in a Meilisearch server.`,
    ];
  }

  async count(): Promise<number> {
    return this.#contents.size;
  }

  async replaceAll(records: Iterable<TagRecord>): Promise<void> {
    const all = lastOfEach(records);
    await this.#write(() => {
      const next = new EmbeddedContents(this.#components);
      next.put(all);
      this.#contents = next;
    });
  }

  async update(records: Iterable<TagRecord>): Promise<void> {
    const changed = lastOfEach(records);
    await this.#write(() => this.#contents.put(changed));
  }

  async find(tag: PoolTag): Promise<TagRecord | undefined> {
    return this.#contents.get(tag);
  }

  async findMany(tags: readonly PoolTag[]): Promise<(TagRecord | undefined)[]> {
    return tags.map(tag => this.#contents.get(tag));
  }

  async caseVariants(tag: PoolTag): Promise<TagRecord[]> {
    return this.#contents.byIds(caseVariantIds(tag));
  }

  async covering(tag: PoolTag): Promise<TagRecord[]> {
    return this.#contents.covering(tag);
  }

  async search(query: SearchQuery): Promise<SearchPage> {
    const { page, pageSize } = query;
    const plan = readSearchQuery(query.q);
    // One state of the index from here on, whatever is written meanwhile.
    const contents = this.#contents;
    if (!contents.isRead) await contents.read(RECORDS_PER_TURN, nextTurn);
    const { records, facets, words, ignoredWords } = contents.search(query, plan);
    const shown = records.slice((page - 1) * pageSize, page * pageSize);
    return {
      total: records.length,
      page,
      pageSize,
      hits: shown.map(({ record }) => searchHit(record, plan, words)),
      facets,
      ignoredWords,
    };
  }

  async prepare(): Promise<void> {
    await this.#lastWrite;
    await this.#contents.read(RECORDS_PER_TURN, nextTurn);
  }

  async close(): Promise<void> {
    await this.#lastWrite;
  }

  #write(write: () => void): Promise<void> {
    const written = this.#lastWrite.then(write);
    // A failed write is its caller's to handle; the next one goes on from the contents as they are.
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }
}

/** Each id once, as it was given last. */
function lastOfEach(records: Iterable<TagRecord>): TagRecord[] {
  const byId = new Map<string, TagRecord>();
  for (const record of records) byId.set(record.id, record);
  return [...byId.values()];
}
