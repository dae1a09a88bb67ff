/** Exact look-ups in a Meilisearch server: those of one moment go in one request, and the last answers are kept. */
import type { TagRecord } from './facts.ts';

/** What the look-ups need of the server. */
export interface LookupSource {
  /** The records with these ids, in any order. */
  fetch(ids: readonly string[]): Promise<TagRecord[]>;
  /** Any text that changes whenever a record does. */
  version(): Promise<string>;
}

/** A few megabytes: the tags of a leak report and what stands around them. */
const MAX_KEPT = 5_000;
/** How long an answer may be older than a change that another process made, in milliseconds. */
const VERSION_CHECK_MS = 1_000;

export class MeilisearchLookups {
  readonly #source: LookupSource;
  /** Answers of the present version, unknown ids too; the least recently asked first. */
  #kept = new Map<string, TagRecord | undefined>();
  #version: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #next: { ids: Set<string>; answer: Promise<Map<string, TagRecord>> } | undefined;

  constructor(source: LookupSource) {
    this.#source = source;
  }

  /** Answers in the order asked; undefined for an unknown id. */
  async get(ids: readonly string[]): Promise<(TagRecord | undefined)[]> {
    if (ids.length === 0) return [];
    if (performance.now() - this.#checkedAt > VERSION_CHECK_MS) await this.#check();
    const kept = this.#kept;
    const answers = new Map<string, TagRecord | undefined>();
    for (const id of ids) {
      if (!kept.has(id)) continue;
      const record = kept.get(id);
      answers.set(id, record);
      kept.delete(id);
      kept.set(id, record);
    }
    const missing = ids.filter(id => !answers.has(id));
    if (missing.length > 0) {
      const fetched = await this.#fetchTogether(missing);
      for (const id of missing) {
        answers.set(id, fetched.get(id));
        // An answer to a question from before a change goes into the map of before, which nobody reads any more.
        kept.set(id, fetched.get(id));
      }
      for (const id of kept.keys()) {
        if (kept.size <= MAX_KEPT) break;
        kept.delete(id);
      }
    }
    return ids.map(id => answers.get(id));
  }

  /** Forgets what is kept: the caller has changed records. */
  clear(): void {
    this.#kept = new Map();
    this.#version = undefined;
    this.#checkedAt = Number.NEGATIVE_INFINITY;
    this.#next = undefined;
  }

  #check(): Promise<void> {
    this.#checking ??= this.#source
      .version()
      .then(version => {
        if (version !== this.#version) this.#kept = new Map();
        this.#version = version;
        this.#checkedAt = performance.now();
      })
      .finally(() => {
        this.#checking = undefined;
      });
    return this.#checking;
  }

  /** Collects ids until this turn of the event loop ends. */
  #fetchTogether(ids: readonly string[]): Promise<Map<string, TagRecord>> {
    if (this.#next === undefined) {
      const all = new Set<string>();
      const answer = new Promise<void>(resolve => setImmediate(resolve)).then(async () => {
        if (this.#next?.ids === all) this.#next = undefined;
        const records = await this.#source.fetch([...all]);
        return new Map(records.map(record => [record.id, record]));
      });
      this.#next = { ids: all, answer };
    }
    for (const id of ids) this.#next.ids.add(id);
    return this.#next.answer;
  }
}
