/** A record as a document of Meilisearch, and the settings of the index that holds such documents. */
import type { TagRecord } from './facts.ts';
import { tagToBigEndian } from './pool-tag.ts';
import { FACET_NAMES, type FacetSpellings } from './search-facets.ts';
import { EXACT_FIELDS, type facetsOf, WORD_FIELDS, type WordField } from './search-fields.ts';
import type { FacetName } from './search-index.ts';
import { recordKey } from './tag-keys.ts';
import { ONE_TYPO_LENGTH, TWO_TYPOS_LENGTH } from './typo-distance.ts';

/** Part of the index's name: an index of another shape counts as missing and is built anew. */
export const DOCUMENT_SHAPE = 1;

/** Everything that can be found must be countable; Meilisearch stops counting at this many. */
const MAX_TOTAL_HITS = 10_000_000;
/** More than is shown: a result is added up from several lists, and each must have counted the values of the others. */
const MAX_COUNTED_FACET_VALUES = 5_000;
/** After this long Meilisearch ranks what it has instead of keeping the server busy, in milliseconds. */
const SEARCH_CUTOFF_MS = 500;

export interface TagDocument {
  id: string;
  /** See `recordKey`. */
  key: number;
  /** The bytes of the tag: text filters would ignore case and blanks. */
  b0: number;
  b1: number;
  b2: number;
  b3: number;
  /** Milliseconds since 1970; the latest of all is the version of the index. */
  updatedAt: number;
  /** `vendor:microsoft`: facet and {@link facetKey}. */
  filters: string[];
  /** Values to be counted, spelt for people. */
  facets: Record<FacetName, string[]>;
  /** The words of each field, split by us: Meilisearch would not look into `ObReferenceObject`. */
  words: Record<WordField, string>;
  /** The whole record as JSON, so that it comes back as it was. */
  record: string;
}

export function tagDocument(
  record: TagRecord,
  words: Record<WordField, string[]>,
  facets: ReturnType<typeof facetsOf>,
  spellings: FacetSpellings,
  updatedAt: number,
): TagDocument {
  const bytes = tagToBigEndian(record.tag);
  return {
    id: record.id,
    key: recordKey(record.tag, record.isPattern),
    b0: bytes >>> 24,
    b1: (bytes >>> 16) & 0xff,
    b2: (bytes >>> 8) & 0xff,
    b3: bytes & 0xff,
    updatedAt,
    filters: FACET_NAMES.flatMap(name => [...facets[name].keys()].map(key => `${name}:${key}`)),
    facets: mapNames(FACET_NAMES, name =>
      [...facets[name].keys()].map(key => spellings.best(`${name}:${key}`)),
    ),
    words: mapNames(WORD_FIELDS, name => words[name].join(' ')),
    record: JSON.stringify(record),
  };
}

/** Settings of the index, as Meilisearch 1.21 and later take them. */
export const INDEX_SETTINGS = {
  searchableAttributes: WORD_FIELDS.map(name => `words.${name}`),
  displayedAttributes: ['id', 'record', 'updatedAt'],
  filterableAttributes: [
    {
      attributePatterns: ['id', 'b0', 'b1', 'b2', 'b3', 'filters', 'facets.*'],
      features: { facetSearch: false, filter: { equality: true, comparison: false } },
    },
    {
      attributePatterns: ['key'],
      features: { facetSearch: false, filter: { equality: false, comparison: true } },
    },
  ],
  sortableAttributes: ['key', 'updatedAt'],
  // No proximity and no exactness: the embedded index ranks by these alone, and both must rank alike.
  rankingRules: ['words', 'typo', 'attribute', 'sort'],
  proximityPrecision: 'byAttribute' as const,
  typoTolerance: {
    minWordSizeForTypos: { oneTypo: ONE_TYPO_LENGTH, twoTypos: TWO_TYPOS_LENGTH },
    disableOnAttributes: [...EXACT_FIELDS].map(name => `words.${name}`),
    disableOnNumbers: true,
  },
  faceting: { maxValuesPerFacet: MAX_COUNTED_FACET_VALUES, sortFacetValuesBy: { '*': 'count' as const } },
  pagination: { maxTotalHits: MAX_TOTAL_HITS },
  facetSearch: false,
  searchCutoffMs: SEARCH_CUTOFF_MS,
};

function mapNames<Name extends string, Value>(
  names: readonly Name[],
  value: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map(name => [name, value(name)])) as Record<Name, Value>;
}
