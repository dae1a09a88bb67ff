/** Finds what there is to read: guides, components and known leaks, by words, with the typing errors that the search for tags forgives. */
import { EmbeddedWords, typosOfRank } from './embedded-words.ts';
import type { Component, Guide, Knowledge, KnownLeak } from './knowledge.ts';
import { tagText } from './pool-tag.ts';
import { namePartsOf, wordsOf } from './search-words.ts';

/** A page to read. */
export interface ReadingHit {
  kind: 'guide' | 'component' | 'article';
  id: string;
  title: string;
  /** One sentence or two. */
  summary: string;
}

/** As many as stand above a page of tags without hiding it. */
const MAX_READING = 4;
/** As many words as the search for tags reads. */
const MAX_QUERY_WORDS = 10;
/** What is shorter begins too many words to say anything. */
const MIN_WORD_LENGTH = 3;

/** The most telling first. */
const FIELDS = ['tag', 'title', 'keywords', 'names', 'summary', 'text'] as const;
type Field = (typeof FIELDS)[number];
/** Names, and long texts in which some word is near to everything. */
const EXACT: ReadonlySet<Field> = new Set(['tag', 'names', 'text']);

/** Words of questions that say nothing of what is asked for. */
const STOP_WORDS = new Set(
  'a an and are as at be by can did do does for from has have how i in is it its me my not of on or own owns so that the their there this to was what when where which who why with you your'.split(
    ' ',
  ),
);

type Texts = Record<Field, (string | null | undefined)[]>;

export class ReadingSearch {
  readonly #knowledge: Pick<Knowledge, 'guides' | 'components' | 'articles' | 'entries'>;
  readonly #hits: ReadingHit[] = [];
  readonly #words = new EmbeddedWords<Field>(FIELDS, EXACT);
  #isFilled = false;

  constructor(knowledge: Pick<Knowledge, 'guides' | 'components' | 'articles' | 'entries'>) {
    this.#knowledge = knowledge;
  }

  /** The best first; none for a pattern, for bare stop words and for less than three letters. */
  find(q: string, limit = MAX_READING): ReadingHit[] {
    if (/^\S*[?*]\S*$/.test(q.trim())) return [];
    const words = [...wordsIn(q)].filter(word => !STOP_WORDS.has(word)).slice(0, MAX_QUERY_WORDS);
    if (!words.some(word => word.length >= MIN_WORD_LENGTH)) return [];
    // Made when first asked for: most commands never ask.
    if (!this.#isFilled) this.#fill();
    const ranks = [...this.#ranksOf(words)].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
    const [first] = ranks;
    if (first === undefined) return [];
    // Where something is spelled so, what is spelled otherwise is not meant.
    const typos = typosOfRank(first[1]);
    return ranks
      .filter(([, rank]) => typosOfRank(rank) === typos)
      .slice(0, limit)
      .map(([slot]) => this.#hits[slot]!);
  }

  /** What has all words; else all that anything here has; else most of those, the more telling ones. */
  #ranksOf(words: readonly string[]): ReadonlyMap<number, number> {
    const all = this.#words.find(words);
    if (all.size > 0 || words.length === 1) return all;
    const found = words.map(word => this.#words.find([word])).filter(ranks => ranks.size > 0);
    const shares = new Map<number, { count: number; weight: number; rank: number }>();
    for (const ranks of found) {
      // A word that few pages have says more than one that most have.
      const weight = Math.log(1 + this.#hits.length / ranks.size);
      for (const [slot, rank] of ranks) {
        const share = shares.get(slot) ?? { count: 0, weight: 0, rank: 0 };
        shares.set(slot, {
          count: share.count + 1,
          weight: share.weight + weight,
          rank: share.rank + rank,
        });
      }
    }
    const most = [...shares].filter(([, { count }]) => count * 2 > found.length);
    const best = Math.max(...most.map(([, { weight }]) => weight));
    return new Map(most.filter(([, { weight }]) => weight === best).map(([slot, { rank }]) => [slot, rank]));
  }

  #fill(): void {
    this.#isFilled = true;
    const { guides, components, articles, entries } = this.#knowledge;
    const tags = new Map<string, string[]>();
    for (const { component, tag, isPattern } of entries) {
      if (component === null || isPattern) continue;
      tags.set(component, [...(tags.get(component) ?? []), tagText(tag)]);
    }
    for (const guide of guides) {
      const { id, title, summary } = guide;
      this.#add({ kind: 'guide', id, title, summary }, textsOfGuide(guide));
    }
    for (const component of components) {
      const { id, title, about } = component;
      this.#add({ kind: 'component', id, title, summary: about }, textsOf(component, tags.get(id) ?? []));
    }
    for (const article of articles) {
      const { id, title, cause } = article;
      this.#add({ kind: 'article', id, title, summary: cause }, textsOfArticle(article));
    }
  }

  #add(hit: ReadingHit, texts: Texts): void {
    const words = Object.fromEntries(
      FIELDS.map(field => [field, [...new Set(texts[field].flatMap(text => [...wordsIn(text ?? '')]))]]),
    ) as Record<Field, string[]>;
    const names = texts.names.flatMap(text => namePartsOf(text ?? '').map(part => singular(part.text)));
    words.names = [...new Set([...words.names, ...names])];
    this.#words.add(this.#hits.length, words);
    this.#hits.push(hit);
  }
}

function* wordsIn(text: string): Generator<string> {
  for (const word of wordsOf(text)) yield singular(word.text);
}

/** "leak" finds "leaks" and the other way round, without its counting as an error. */
function singular(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}

function textsOfGuide({ id, title, summary, keywords, markdown }: Guide): Texts {
  const tags = Array.from(markdown.matchAll(/`([A-Za-z0-9][^`\n]{3})`/g), ([, tag]) => tag);
  return { tag: tags, title: [title], keywords, names: [id], summary: [summary], text: [markdown] };
}

function textsOf({ id, title, image, vendor, about, growth, steps }: Component, tags: string[]): Texts {
  return {
    tag: tags,
    title: [title],
    keywords: [vendor],
    names: [image, id],
    summary: [about],
    text: [growth.normal, growth.abnormal, ...steps],
  };
}

function textsOfArticle(article: KnownLeak): Texts {
  const { id, title, tags, products, affected, symptom, cause, remedy, note, sources } = article;
  return {
    tag: tags.map(tagText),
    title: [title],
    keywords: [...products, id],
    names: affected.map(({ image }) => image),
    summary: [symptom, cause],
    text: [remedy, note, ...sources.map(({ name }) => name)],
  };
}
