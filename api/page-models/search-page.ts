/** The page of search results, and the short list that stands under the search box while somebody types. */
import type { FacetName, Highlight, SearchHit, SearchPage, SearchQuery } from '../../data/search-index.ts';
import { tagReadings } from '../../data/tag-readings.ts';
import type { AnswerSource } from '../answer-source.ts';
import { READING_KINDS, type ReadingView } from '../reading-answer.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pagerOf, pathWith } from './pager.ts';
import { tagRow } from './tag-row.ts';

/** Facet values that a column can show; the rest is found by typing. */
const MAX_FACET_VALUES = 8;

type FilterName = 'vendor' | 'component' | 'driver' | 'source' | 'arch';

const FILTERS: readonly { name: FilterName; title: string }[] = [
  { name: 'vendor', title: 'Vendor' },
  { name: 'component', title: 'Component' },
  { name: 'driver', title: 'Driver' },
  { name: 'source', title: 'Source' },
  { name: 'arch', title: 'Processor' },
];
const SOURCE_NAMES = new Map([
  ['pooltag-list', 'Pooltag list'],
  ['pooltag.txt', 'Your pooltag.txt'],
  ['scan', 'Scanned drivers'],
  ['article', 'Known leaks'],
]);

/** The view model of views/pages/search.hbs. */
export function searchPage(
  context: PageContext,
  query: SearchQuery,
  found: SearchPage,
  reading: readonly ReadingView[],
  source: AnswerSource,
) {
  const pathFor = (changes: Partial<SearchQuery>) => {
    const { q, vendor, component, driver, source: list, arch, page } = { ...query, page: 1, ...changes };
    return pathWith('/search', {
      q,
      vendor,
      component,
      driver,
      source: list,
      arch,
      page: page > 1 ? page : undefined,
    });
  };
  const named = (name: FacetName, value: string) => valueName(name, value, source);
  const heading = query.q.trim() === '' ? 'All tags' : `Results for “${query.q.trim()}”`;
  return {
    frame: pageFrame(context, { title: heading, description: `${heading} in Pooltag.`, query: query.q }),
    heading,
    count: countSentence(found),
    note: caseNote(query.q, found) ?? ignoredNote(found),
    reading: reading.map(({ kind, title, summary, links }) => ({
      kind: READING_KINDS[kind],
      title,
      summary,
      href: links.page,
    })),
    active: FILTERS.filter(({ name }) => query[name] !== undefined).map(({ name, title }) => ({
      label: title,
      value: named(name, query[name]!),
      href: pathFor({ [name]: undefined }),
    })),
    hits: found.hits.map(hit => hitRow(hit, source)),
    pager: pagerOf(found.total, found.page, found.pageSize, page => pathFor({ page })),
    facets: FILTERS.filter(({ name }) => query[name] === undefined && found.facets[name].length > 1).map(
      ({ name, title }) => ({
        title,
        values: found.facets[name].slice(0, MAX_FACET_VALUES).map(({ value, count }) => ({
          value: named(name, value),
          count: groupedNumber(count),
          href: pathFor({ [name]: value }),
        })),
      }),
    ),
  };
}

/** The view model of views/pages/live-results.hbs. */
export function liveResults(
  q: string,
  found: SearchPage,
  reading: readonly ReadingView[],
  source: AnswerSource,
) {
  const pages = reading.length === 0 ? '' : `, ${counted(reading.length, 'page', 'pages')} to read`;
  const tags = found.total === 0 ? 'No tag' : counted(found.total, 'tag', 'tags');
  const how = found.total + reading.length === 0 ? '' : ' Arrow keys choose, Enter opens.';
  return {
    total: found.total,
    said: `${tags} found${pages}.${how}`,
    // Tags that have not all of the words are worse than a page that has.
    isReadingFirst: found.ignoredWords.length > 0,
    reading: reading.map(({ kind, title, links }) => ({
      kind: kind === 'article' ? 'Leak' : READING_KINDS[kind],
      title,
      href: links.page,
    })),
    hits: found.hits.map((hit, position) => {
      const { tag, href, meaning, owner, strength } = tagRow(hit.record, source);
      return {
        tag,
        href,
        strength,
        summary: owner === '' ? meaning : `${meaning} – ${owner}`,
        isExact: position === 0 && readsAs(q).includes(hit.record.tag),
      };
    }),
  };
}

function hitRow({ record, highlights }: SearchHit, source: AnswerSource) {
  const { tag, href, meaning, owner, strength } = tagRow(record, source);
  const elsewhere = highlights.driver ?? highlights.product ?? highlights.vendor;
  const isShown = highlights.meaning !== undefined || highlights.image !== undefined;
  return {
    tag,
    href,
    strength,
    meaning: highlights.meaning ?? plain(meaning),
    owner: highlights.image ?? plain(owner),
    why: elsewhere === undefined || isShown ? [] : elsewhere,
  };
}

function plain(text: string): Highlight {
  return text === '' ? [] : [{ text, isMatch: false }];
}

function countSentence({ total, hits, page }: SearchPage): string {
  if (total === 0) return 'Nothing found.';
  const tags = counted(total, 'tag', 'tags');
  return hits.length === 0 ? `${tags}, but page ${groupedNumber(page)} is beyond the last.` : tags;
}

/** Two tags that differ by case are two tags; who types one of them should know. */
function caseNote(q: string, { hits, page }: SearchPage): string | null {
  const [wanted] = readsAs(q);
  if (wanted === undefined || page > 1 || hits.some(({ record }) => record.tag === wanted)) return null;
  const isVariant = hits.some(({ record }) => record.tag.toLowerCase() === wanted.toLowerCase());
  return isVariant ? `No known tag is spelled ${wanted.trimEnd()}. Those that follow differ by case.` : null;
}

function ignoredNote({ ignoredWords }: SearchPage): string | null {
  if (ignoredWords.length === 0) return null;
  const words = ignoredWords.map(word => `“${word}”`).join(', ');
  return `Nothing has all of these words. These results are without ${words}.`;
}

/** The tags that a text may name, the likeliest first. */
function readsAs(q: string): string[] {
  const readings = tagReadings(q);
  return readings.kind === 'readings' ? readings.candidates.map(({ tag }) => tag) : [];
}

function valueName(name: FacetName, value: string, source: AnswerSource): string {
  if (name === 'component') return source.component(value)?.title ?? value;
  return name === 'source' ? (SOURCE_NAMES.get(value) ?? value) : value;
}
