/** SearchIndex: what an index of tags promises. `find` is exact, by bytes; `search` is for people. */
import type { Arch, Strength, TagRecord } from './facts.ts';
import type { PoolTag } from './pool-tag.ts';

export interface SearchQuery {
  /** Words, a tag, a tag pattern (`Nt??`, `?t*`) or a hex spelling; empty lists everything in byte order. */
  q: string;
  driver?: string;
  vendor?: string;
  component?: string;
  /** `pooltag-list`, `pooltag.txt`, `scan`, `article`. */
  source?: string;
  arch?: Arch;
  strength?: Strength;
  /** From 1. */
  page: number;
  /** 1 to 100. */
  pageSize: number;
}

/** Parts of a text, in order; `isMatch` parts are what the query hit. */
export type Highlight = { text: string; isMatch: boolean }[];

export interface SearchHit {
  record: TagRecord;
  /**
   * Only where something was hit. The parts of one text joined are that text: all four bytes of the tag, the first
   * knowledge entry or driver whose text was hit.
   */
  highlights: {
    tag?: Highlight;
    meaning?: Highlight;
    image?: Highlight;
    driver?: Highlight;
    vendor?: Highlight;
    product?: Highlight;
  };
}

export interface FacetCount {
  value: string;
  count: number;
}
export type FacetName = 'vendor' | 'component' | 'driver' | 'source' | 'arch' | 'strength';

export interface SearchPage {
  /** Exact. */
  total: number;
  page: number;
  pageSize: number;
  hits: SearchHit[];
  /** By count, then name; of the whole result, not of this page. A filter accepts every value as it stands here. */
  facets: Record<FacetName, FacetCount[]>;
  /** Words left out because nothing has them all; the hits answer the rest of the query. Usually empty. */
  ignoredWords: string[];
}

export interface SearchIndex {
  /** `embedded` or `meilisearch`. */
  readonly kind: string;
  /** What its keeper should know, in sentences: that another index would serve this many records better. */
  remarks(): string[];
  /** How many records it holds. */
  count(): Promise<number>;
  /** Replaces everything at once: a reader sees the old set or the new, never a mixture. */
  replaceAll(records: Iterable<TagRecord>): Promise<void>;
  /** Replaces or adds the records with these ids. */
  update(records: Iterable<TagRecord>): Promise<void>;
  find(tag: PoolTag): Promise<TagRecord | undefined>;
  /** Exact look-ups, answers in the order asked. */
  findMany(tags: readonly PoolTag[]): Promise<(TagRecord | undefined)[]>;
  /** Known tags that differ from this one only by letter case. */
  caseVariants(tag: PoolTag): Promise<TagRecord[]>;
  /** Wildcard entries that cover the tag, the most specific first. */
  covering(tag: PoolTag): Promise<TagRecord[]>;
  search(query: SearchQuery): Promise<SearchPage>;
  /** Makes ready for searches. Exact look-ups need not wait for it; a search that comes before waits, and is answered as later. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

/** The index, or the server behind it, cannot answer now. */
export class SearchUnavailable extends Error {
  readonly code = 'index-unavailable';
  override name = 'SearchUnavailable';
}
