/** The index kept by a Meilisearch server: for more records than memory should hold, or for several processes. */
import { type EnqueuedTask, Meilisearch, type MultiSearchQuery } from 'meilisearch';
import type { TagRecord } from './facts.ts';
import { DOCUMENT_SHAPE, INDEX_SETTINGS, type TagDocument, tagDocument } from './meilisearch-documents.ts';
import { isIndexMissing, orUnavailable } from './meilisearch-failures.ts';
import { MeilisearchLookups } from './meilisearch-lookups.ts';
import { searchTiers, type TierAnswer, type TierQuestion } from './meilisearch-search.ts';
import { TaskFailed, taskDone } from './meilisearch-tasks.ts';
import { idFilter } from './meilisearch-tiers.ts';
import { type PoolTag, tagId } from './pool-tag.ts';
import { FACET_NAMES, FacetSpellings } from './search-facets.ts';
import { type ComponentNames, facetsOf, wordsByField } from './search-fields.ts';
import type { SearchIndex, SearchPage, SearchQuery } from './search-index.ts';
import { caseVariantIds, coveringPatternIds } from './tag-neighbours.ts';

export interface MeilisearchOptions {
  /** `http://127.0.0.1:7700`. */
  url: string;
  /** May only search. Without it the other key is used, without both none is sent. */
  searchKey?: string;
  /** May change documents, indexes and settings and read tasks; needed only by those who write. */
  indexKey?: string;
  /** What the names of our indexes begin with, `pooltag`: several installations may share a server. */
  prefix: string;
  components?: ComponentNames;
}

export interface MeilisearchIndex extends SearchIndex {
  /** False where the index is missing or empty, so that it should be filled first. */
  isFilled(): Promise<boolean>;
}

/** A search that takes longer is a server in trouble, in milliseconds. */
const READ_TIMEOUT_MS = 5_000;
/** Sending some megabytes over a slow line may take this long. */
const WRITE_TIMEOUT_MS = 120_000;
/** Below Meilisearch's payload limit of 100 MB, and small enough not to be held in memory twice. */
const MAX_BATCH_CHARACTERS = 8_000_000;
/** Ids in one filter; longer ones are parsed slowly. */
const MAX_IDS_PER_QUESTION = 500;
/** An unfinished index that old was left behind by a process that died. */
const LEFTOVER_AGE_MS = 6 * 60 * 60 * 1_000;

/** The client takes 45 ms for a search of 2 ms where it may unpack the answer. */
const UNCOMPRESSED = { headers: { 'accept-encoding': 'identity' } };

/** Makes no request yet: a server that is away shows itself at the first question. */
export function createMeilisearchIndex(options: MeilisearchOptions): MeilisearchIndex {
  return new MeilisearchTagIndex(options);
}

class MeilisearchTagIndex implements MeilisearchIndex {
  readonly kind = 'meilisearch';
  readonly #server: string;
  readonly #uid: string;
  readonly #reader: Meilisearch;
  readonly #writer: Meilisearch;
  readonly #components: ComponentNames;
  readonly #lookups: MeilisearchLookups;
  readonly #closing = new AbortController();
  #spellings = new FacetSpellings();
  #isThere = false;
  #lastStamp = 0;
  /** Writers wait for each other, so that the last one called wins. */
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor({ url, searchKey, indexKey, prefix, components }: MeilisearchOptions) {
    this.#server = withoutPassword(url);
    const common = { host: this.#server, requestInit: UNCOMPRESSED };
    this.#uid = `${prefix}_tags${DOCUMENT_SHAPE}`;
    this.#reader = new Meilisearch({ ...common, apiKey: searchKey ?? indexKey, timeout: READ_TIMEOUT_MS });
    this.#writer = new Meilisearch({ ...common, apiKey: indexKey, timeout: WRITE_TIMEOUT_MS });
    this.#components = components ?? new Map();
    this.#lookups = new MeilisearchLookups({
      fetch: ids => this.#fetch(ids),
      version: () => this.#version(),
    });
  }

  remarks(): string[] {
    return [];
  }

  async count(): Promise<number> {
    const [{ total }] = (await this.#ask([{ q: '', window: { hitsPerPage: 0 } }])) as [TierAnswer];
    return total;
  }

  async isFilled(): Promise<boolean> {
    try {
      return (await this.count()) > 0;
    } catch (error) {
      if (isIndexMissing(error)) return false;
      throw error;
    }
  }

  async find(tag: PoolTag): Promise<TagRecord | undefined> {
    return (await this.#lookups.get([tagId(tag)]))[0];
  }

  findMany(tags: readonly PoolTag[]): Promise<(TagRecord | undefined)[]> {
    return this.#lookups.get(tags.map(tagId));
  }

  async caseVariants(tag: PoolTag): Promise<TagRecord[]> {
    return (await this.#lookups.get(caseVariantIds(tag))).filter(record => record !== undefined);
  }

  async covering(tag: PoolTag): Promise<TagRecord[]> {
    return (await this.#lookups.get(coveringPatternIds(tag))).filter(record => record !== undefined);
  }

  search(query: SearchQuery): Promise<SearchPage> {
    return searchTiers(questions => this.#ask(questions), query);
  }

  /** The server is ready by itself. */
  async prepare(): Promise<void> {}

  async replaceAll(records: Iterable<TagRecord>): Promise<void> {
    const all = [...records];
    await this.#write(async stamp => {
      const spellings = new FacetSpellings();
      for (const record of all) this.#countSpellings(spellings, record);
      const next = `${this.#uid}_${stamp}`;
      await this.#removeLeftovers(stamp);
      await this.#create(next);
      try {
        await this.#add(next, all, spellings, stamp);
        await this.#createIfMissing();
        await this.#done(this.#writer.swapIndexes([{ indexes: [this.#uid, next], rename: false }]));
        this.#spellings = spellings;
      } finally {
        // After the swap this name holds the old records, after a failure the unfinished ones. What cannot be removed
        // now is a leftover for the next time.
        await this.#done(this.#writer.deleteIndex(next)).catch(() => undefined);
      }
    });
  }

  async update(records: Iterable<TagRecord>): Promise<void> {
    const changed = [...records];
    if (changed.length === 0) return;
    await this.#write(async stamp => {
      // Documents sent to an index that is not there would make one without our settings.
      if (!this.#isThere) await this.#createIfMissing();
      for (const record of changed) this.#countSpellings(this.#spellings, record);
      await this.#add(this.#uid, changed, this.#spellings, stamp);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lastWrite;
  }

  /** Asks the server all at once; the reader's key may do no more than search. */
  async #ask(questions: readonly TierQuestion[]): Promise<TierAnswer[]> {
    if (questions.length === 0) return [];
    const queries = questions.map(({ q, filter, facets, window }): MultiSearchQuery => {
      const part = 'offset' in window ? window : { page: 1, hitsPerPage: window.hitsPerPage };
      const sort = ['key:asc'];
      const common = { indexUid: this.#uid, q, filter, facets, sort, matchingStrategy: 'all' as const };
      return { ...common, ...part, attributesToRetrieve: ['record'] };
    });
    const { results } = await orUnavailable(this.#server, this.#uid, () =>
      this.#reader.multiSearch<{ queries: MultiSearchQuery[] }, TagDocument>({ queries }),
    );
    return results.map(({ hits, totalHits, facetDistribution }) => ({
      records: hits.map(({ record }) => JSON.parse(record) as TagRecord),
      total: totalHits ?? 0,
      facets: Object.fromEntries(
        FACET_NAMES.map(name => [name, facetDistribution?.[`facets.${name}`] ?? {}]),
      ),
    }));
  }

  async #fetch(ids: readonly string[]): Promise<TagRecord[]> {
    const questions: TierQuestion[] = [];
    for (let start = 0; start < ids.length; start += MAX_IDS_PER_QUESTION) {
      const some = ids.slice(start, start + MAX_IDS_PER_QUESTION);
      questions.push({ q: '', filter: idFilter(some), window: { offset: 0, limit: some.length } });
    }
    return (await this.#ask(questions)).flatMap(({ records }) => records);
  }

  /** When a document was last written, and how many there are: one of them changes with every write. */
  async #version(): Promise<string> {
    const { hits, totalHits } = await orUnavailable(this.#server, this.#uid, () =>
      this.#reader.index<TagDocument>(this.#uid).search('', {
        sort: ['updatedAt:desc'],
        page: 1,
        hitsPerPage: 1,
        attributesToRetrieve: ['updatedAt'],
      }),
    );
    return `${hits[0]?.updatedAt} ${totalHits}`;
  }

  #write(write: (stamp: number) => Promise<void>): Promise<void> {
    const written = this.#lastWrite.then(() =>
      orUnavailable(this.#server, this.#uid, () => {
        this.#closing.signal.throwIfAborted();
        this.#lastStamp = Math.max(Date.now(), this.#lastStamp + 1);
        return write(this.#lastStamp);
      }),
    );
    const settled = written.finally(() => this.#lookups.clear());
    // A failed write is its caller's to handle; the next one goes on.
    this.#lastWrite = settled.catch(() => undefined);
    return settled;
  }

  async #add(
    uid: string,
    records: readonly TagRecord[],
    spellings: FacetSpellings,
    stamp: number,
  ): Promise<void> {
    const tasks: EnqueuedTask[] = [];
    let batch: TagDocument[] = [];
    let characters = 0;
    const send = async () => {
      tasks.push(await this.#writer.index<TagDocument>(uid).addDocuments(batch, { primaryKey: 'id' }));
      batch = [];
      characters = 0;
    };
    for (const record of records) {
      const words = wordsByField(record, this.#components);
      const facets = facetsOf(record, this.#components);
      const document = tagDocument(record, words, facets, spellings, stamp);
      batch.push(document);
      characters += document.record.length * 2;
      if (characters > MAX_BATCH_CHARACTERS) await send();
    }
    if (batch.length > 0) await send();
    for (const task of tasks) await this.#done(task);
  }

  async #create(uid: string): Promise<void> {
    await this.#done(this.#writer.createIndex(uid, { primaryKey: 'id' }));
    await this.#done(this.#writer.index(uid).updateSettings(INDEX_SETTINGS));
  }

  async #createIfMissing(): Promise<void> {
    try {
      await this.#create(this.#uid);
    } catch (error) {
      if (!(error instanceof TaskFailed && error.taskCode === 'index_already_exists')) throw error;
    }
    this.#isThere = true;
  }

  async #removeLeftovers(stamp: number): Promise<void> {
    const { results } = await this.#writer.getRawIndexes({ limit: 1_000 });
    for (const { uid } of results) {
      const made = uid.startsWith(`${this.#uid}_`) ? Number(uid.slice(this.#uid.length + 1)) : Number.NaN;
      if (made < stamp - LEFTOVER_AGE_MS) await this.#done(this.#writer.deleteIndex(uid));
    }
  }

  async #done(task: EnqueuedTask | PromiseLike<EnqueuedTask>): Promise<void> {
    const { taskUid } = await task;
    await taskDone(() => this.#writer.tasks.getTask(taskUid), this.#closing.signal);
  }

  #countSpellings(spellings: FacetSpellings, record: TagRecord): void {
    const facets = facetsOf(record, this.#components);
    for (const name of FACET_NAMES) {
      for (const [key, spelling] of facets[name]) spellings.add(`${name}:${key}`, spelling);
    }
  }
}

/** Requests cannot carry a name and password in the address, and messages must not. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
