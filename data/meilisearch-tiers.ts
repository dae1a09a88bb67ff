/** A search plan as filters of Meilisearch: lists without common records that follow each other in the result. */
import { FACET_NAMES } from './search-facets.ts';
import { facetKey } from './search-fields.ts';
import type { SearchQuery } from './search-index.ts';
import type { BytesPlan, SearchPlan, TagShape } from './search-query.ts';
import { keysBeginningWith } from './tag-keys.ts';
import { otherCases } from './tag-neighbours.ts';

/** One list of the result, in byte order unless it says otherwise. */
export interface Tier {
  /** A filter expression; undefined for all records. */
  filter?: string;
  /** Words that the records must have; they are then ranked by them. */
  words?: readonly string[];
  /** A short list that goes in the order of these ids. */
  ids?: readonly string[];
}

/** The filter expression for the query's facets; undefined where it sets none. */
export function facetFilter(query: SearchQuery): string | undefined {
  const chosen = FACET_NAMES.filter(name => query[name]);
  return and(...chosen.map(name => `filters = "${name}:${facetKey(name, query[name]!)}"`));
}

/** The lists that make up the answer to a plan, with these words in the last one. */
export function tiersOf(plan: SearchPlan, words: readonly string[]): Tier[] {
  if (plan.kind === 'all') return [{}];
  const lists: Tier[] = plan.kind === 'bytes' ? bytesTiers(plan) : [];
  if (plan.kind === 'text') {
    const { exact, prefix, covering } = plan;
    if (exact.length > 0) lists.push(idTier(exact));
    if (prefix !== null) {
      lists.push({ filter: beginningWith(prefix) });
      const others = otherCases(prefix);
      if (others.length > 0) lists.push({ filter: others.map(beginningWith).join(' OR ') });
    }
    if (covering.length > 0) lists.push(idTier(covering));
    if (words.length > 0) lists.push({ words });
  }
  return lists.map((list, index) => ({
    ...list,
    filter: and(list.filter, ...lists.slice(0, index).map(not)),
  }));
}

/** `id IN [...]`. Ids are hex digits, so nothing needs escaping. */
export function idFilter(ids: readonly string[]): string {
  return `id IN [${ids.map(id => `"${id}"`).join(', ')}]`;
}

/** Both conditions and more; undefined where there is none. */
export function and(...filters: (string | undefined)[]): string | undefined {
  const given = filters.filter(filter => filter !== undefined);
  return given.length === 0 ? undefined : given.map(filter => `(${filter})`).join(' AND ');
}

function bytesTiers({ first, shapes }: BytesPlan): Tier[] {
  const lists: Tier[] = first.length > 0 ? [idTier(first)] : [];
  if (shapes.length > 0) lists.push({ filter: shapes.map(shapeFilter).join(' OR ') });
  return lists;
}

function shapeFilter(shape: TagShape): string {
  const wanted = shape.flatMap((byte, i) => (byte === null ? [] : `b${i} = ${byte}`));
  return wanted.length === 0 ? 'b0 EXISTS' : `(${wanted.join(' AND ')})`;
}

function beginningWith(prefix: string): string {
  const [first, last] = keysBeginningWith(prefix);
  return `key ${first} TO ${last}`;
}

function idTier(ids: readonly string[]): Tier {
  return { ids, filter: idFilter(ids) };
}

function not({ filter }: Tier): string | undefined {
  return filter && `NOT (${filter})`;
}
