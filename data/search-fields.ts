/** What of a record can be searched and counted: its words field by field, and its facet values. Both indexes use it. */
import { strengthOf, type TagRecord } from './facts.ts';
import type { FacetName } from './search-index.ts';
import { foldText, namePartsOf, wordsOf } from './search-words.ts';
import { vendorKey } from './vendor-name.ts';

/** The searched fields, the most telling first: a word found in an earlier one ranks higher. */
export const WORD_FIELDS = ['tag', 'component', 'meaning', 'parts', 'driver', 'vendor', 'symbol'] as const;
export type WordField = (typeof WORD_FIELDS)[number];

/** Fields whose words are names: there a typing error would find another thing, not the same one. */
export const EXACT_FIELDS: ReadonlySet<WordField> = new Set(['tag', 'driver', 'symbol']);

/** A tag used by thousands of drivers must not make a record of megabytes; what is cut is found by its drivers. */
const MAX_WORDS_PER_FIELD = 1_000;
/** Meilisearch takes facet values of up to 468 bytes; a UTF-16 unit takes at most three. */
const MAX_FACET_LENGTH = 150;

/** What an index needs to know of a component beyond its id. */
interface ComponentName {
  title: string;
  vendor: string;
}
export type ComponentNames = ReadonlyMap<string, ComponentName>;

/** The words of each field, each once, in order of first appearance. */
export function wordsByField(record: TagRecord, components: ComponentNames): Record<WordField, string[]> {
  const owners = record.knowledge.flatMap(entry => {
    const id = entry.component;
    return [entry.image, id, id === null ? undefined : components.get(id)?.title];
  });
  const meanings = record.knowledge.flatMap(entry => [entry.meaning, entry.note]);
  const fileNames = record.sightings.map(({ driver }) => driver.fileName);
  const makers = [
    ...record.sightings.flatMap(({ driver }) => [driver.company, driver.product, driver.description]),
    ...record.knowledge.map(({ component }) => component && components.get(component)?.vendor),
  ];
  return {
    tag: unique([record.tag], wordsOf),
    component: unique(owners, wordsOf),
    meaning: unique(meanings, wordsOf),
    parts: unique([...owners, ...meanings, ...fileNames, ...makers], namePartsOf),
    driver: unique(fileNames, wordsOf),
    vendor: unique(makers, wordsOf),
    symbol: unique(symbolsOf(record), wordsOf),
  };
}

/** Facet values by their keys ({@link facetKey}), spelt as found; a vendor as drivers spell it before lists do. */
export function facetsOf(
  record: TagRecord,
  components: ComponentNames,
): Record<FacetName, ReadonlyMap<string, string>> {
  const drivers = record.sightings.map(({ driver }) => driver);
  const componentIds = record.knowledge.flatMap(({ component }) => component ?? []);
  return {
    vendor: keyed('vendor', [
      ...drivers.map(({ company }) => company),
      ...componentIds.map(id => components.get(id)?.vendor),
    ]),
    component: keyed('component', componentIds),
    driver: keyed(
      'driver',
      drivers.map(({ fileName }) => fileName),
    ),
    source: keyed('source', [
      ...record.knowledge.map(({ list }) => (list === 'pooltag-list' ? list : 'pooltag.txt')),
      ...(drivers.length > 0 ? ['scan'] : []),
      ...(record.articleIds.length > 0 ? ['article'] : []),
    ]),
    arch: keyed(
      'arch',
      drivers.map(({ arch }) => arch),
    ),
    strength: keyed('strength', [
      ...(record.knowledge.length > 0 ? ['written'] : []),
      ...record.sightings.flatMap(({ kinds }) => (kinds.length > 0 ? strengthOf(kinds[0]!) : [])),
    ]),
  };
}

/**
 * What two spellings of one facet value share; empty for a value that says nothing. It never holds a double quote or a
 * backslash, so that it can stand in a filter as it is.
 */
export function facetKey(facet: FacetName, value: string): string {
  const text = facetText(value);
  return (facet === 'vendor' && vendorKey(text)) || foldText(text).replace(/["\\]/g, '');
}

/** A facet value on one line, without blanks around it, cut at {@link MAX_FACET_LENGTH}. */
function facetText(value: string): string {
  return value
    .slice(0, MAX_FACET_LENGTH)
    .replace(/[\s\p{Cc}\p{Cs}]+/gu, ' ')
    .trim();
}

function keyed(facet: FacetName, values: Iterable<string | null | undefined>): Map<string, string> {
  const byKey = new Map<string, string>();
  for (const value of values) {
    const key = value ? facetKey(facet, value) : '';
    if (key !== '' && !byKey.has(key)) byKey.set(key, facetText(value!));
  }
  return byKey;
}

function symbolsOf(record: TagRecord): (string | undefined)[] {
  const sites = record.sightings.flatMap(({ firstSites }) => firstSites);
  const functions = sites.map(({ api }) => api?.slice(api.indexOf('!') + 1));
  return [...functions, ...sites.flatMap(({ structure, rule }) => [structure, rule]), ...record.articleIds];
}

function unique(
  texts: Iterable<string | null | undefined>,
  split: (text: string) => { text: string }[],
): string[] {
  const words = new Set<string>();
  for (const text of new Set(texts)) {
    if (text == null || text === '') continue;
    for (const word of split(text)) {
      if (words.size === MAX_WORDS_PER_FIELD) return [...words];
      words.add(word.text);
    }
  }
  words.delete('');
  return [...words];
}
