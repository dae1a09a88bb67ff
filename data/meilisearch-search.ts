/** Searches a Meilisearch server tier by tier, with exact totals, so that its results stand as the embedded index's do. */

import type { TagRecord } from './facts.ts';
import { and, facetFilter, type Tier, tiersOf } from './meilisearch-tiers.ts';
import { FACET_NAMES, inFacetOrder } from './search-facets.ts';
import { facetKey } from './search-fields.ts';
import { searchHit } from './search-highlights.ts';
import type { FacetCount, FacetName, SearchPage, SearchQuery } from './search-index.ts';
import { readSearchQuery, type TextPlan } from './search-query.ts';

/** One question to the server; with `hitsPerPage` the total is exact, with `offset` and `limit` any part can be had. */
export interface TierQuestion {
  q: string;
  filter?: string;
  facets?: string[];
  window: { hitsPerPage: number } | { offset: number; limit: number };
}

export interface TierAnswer {
  records: TagRecord[];
  /** 0 where the question gave an offset. */
  total: number;
  /** By facet name, then value. */
  facets: Partial<Record<FacetName, Record<string, number>>>;
}

type Terms = TextPlan['terms'];

/** Asks several questions at once; the answers come in their order. */
export type AskTiers = (questions: TierQuestion[]) => Promise<TierAnswer[]>;

/** The page of an answer, from as few requests as possible: one for the first page, usually two for a later one. */
export async function searchTiers(ask: AskTiers, query: SearchQuery): Promise<SearchPage> {
  const plan = readSearchQuery(query.q);
  const filter = facetFilter(query);
  const finish = async (tiers: Tier[], words: readonly string[], ignoredWords: string[]) => {
    const counted = await countTiers(ask, tiers, filter, query);
    const records = await recordsOfPage(ask, tiers, filter, counted, query);
    return {
      total: counted.reduce((sum, { total }) => sum + total, 0),
      page: query.page,
      pageSize: query.pageSize,
      hits: records.map(record => searchHit(record, plan, words)),
      facets: addUpFacets(counted),
      ignoredWords,
    };
  };
  if (plan.kind !== 'text') return finish(tiersOf(plan, []), [], []);
  const asTyped = await finish(tiersOf(plan, plan.words), plan.words, []);
  if (asTyped.total > 0) return asTyped;
  if (plan.nameParts !== null) {
    const takenApart = await finish(tiersOf(plan, plan.nameParts), plan.nameParts, []);
    if (takenApart.total > 0) return takenApart;
  }
  const terms = await termsThatFind(ask, plan.terms, filter);
  if (terms.length === 0) return asTyped;
  const words = terms.flatMap(term => term.words);
  const ignored = plan.terms.filter(term => !terms.includes(term));
  return finish(
    [{ words }],
    words,
    ignored.map(term => term.text),
  );
}

function question(tier: Tier, filter: string | undefined, window: TierQuestion['window']): TierQuestion {
  return { q: tier.words?.join(' ') ?? '', filter: and(tier.filter, filter), window };
}

/** Totals, facets, and for the first page the records. */
function countTiers(
  ask: AskTiers,
  tiers: readonly Tier[],
  filter: string | undefined,
  { page, pageSize }: SearchQuery,
): Promise<TierAnswer[]> {
  const facets = FACET_NAMES.map(name => `facets.${name}`);
  return ask(
    tiers.map(tier => ({
      ...question(tier, filter, { hitsPerPage: tier.ids?.length ?? (page === 1 ? pageSize : 0) }),
      facets,
    })),
  );
}

async function recordsOfPage(
  ask: AskTiers,
  tiers: readonly Tier[],
  filter: string | undefined,
  counted: readonly TierAnswer[],
  { page, pageSize }: SearchQuery,
): Promise<TagRecord[]> {
  const questions: TierQuestion[] = [];
  const parts: (TagRecord[] | { question: number })[] = [];
  let tierStart = 0;
  for (const [i, tier] of tiers.entries()) {
    const { total, records } = counted[i]!;
    const offset = Math.max(0, (page - 1) * pageSize - tierStart);
    const limit = Math.min(total, page * pageSize - tierStart) - offset;
    tierStart += total;
    if (limit <= 0) continue;
    if (tier.ids) parts.push(inOrderOf(tier.ids, records).slice(offset, offset + limit));
    else if (page === 1) parts.push(records.slice(0, limit));
    else parts.push({ question: questions.push(question(tier, filter, { offset, limit })) - 1 });
  }
  const answers = questions.length === 0 ? [] : await ask(questions);
  return parts.flatMap(part => (Array.isArray(part) ? part : answers[part.question]!.records));
}

function inOrderOf(ids: readonly string[], records: readonly TagRecord[]): TagRecord[] {
  return records.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

/** The longest beginning that finds something, of those terms that find anything by themselves. */
async function termsThatFind(ask: AskTiers, terms: Terms, filter: string | undefined): Promise<Terms> {
  if (terms.length < 2) return [];
  const countOf = async (lists: readonly Terms[]) => {
    const tiers = lists.map(list => ({ words: list.flatMap(term => term.words) }));
    const answers = await ask(tiers.map(tier => question(tier, filter, { hitsPerPage: 0 })));
    return answers.map(({ total }) => total);
  };
  const alone = await countOf(terms.map(term => [term]));
  const known = terms.filter((_, i) => alone[i]! > 0);
  const longest = Math.min(known.length, terms.length - 1);
  const beginnings = Array.from({ length: longest }, (_, i) => known.slice(0, longest - i));
  const totals = await countOf(beginnings);
  return beginnings.find((_, i) => totals[i]! > 0) ?? [];
}

/** The tiers have no record in common, so their counts add up. */
function addUpFacets(answers: readonly TierAnswer[]): Record<FacetName, FacetCount[]> {
  const lists = FACET_NAMES.map(name => {
    const byKey = new Map<string, FacetCount & { spellingCount: number }>();
    for (const { facets } of answers) {
      for (const [value, count] of Object.entries(facets[name] ?? {})) {
        const key = facetKey(name, value);
        const known = byKey.get(key);
        if (known === undefined) {
          byKey.set(key, { value, count, spellingCount: count });
        } else {
          known.count += count;
          if (count > known.spellingCount) {
            known.value = value;
            known.spellingCount = count;
          }
        }
      }
    }
    const counts = [...byKey.values()].map(({ value, count }) => ({ value, count }));
    return [name, inFacetOrder(counts)];
  });
  return Object.fromEntries(lists) as Record<FacetName, FacetCount[]>;
}
