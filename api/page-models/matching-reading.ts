/** Guides and known leaks that a search should not pass by: "event 2020" is no tag, but there is a guide. */
import type { Knowledge } from '../../data/knowledge.ts';
import { tagText } from '../../data/pool-tag.ts';
import { wordsOf } from '../../data/search-words.ts';

/** A page to read. */
export interface Reading {
  href: string;
  kind: 'Guide' | 'Known leak';
  title: string;
}

const MAX_READING = 4;

/** What has every word of the query in its title, summary or keywords, guides first; nothing for an empty query. */
export function matchingReading(q: string, { guides, articles }: Knowledge): Reading[] {
  const wanted = wordsOf(q).map(({ text }) => text);
  if (wanted.length === 0) return [];
  const matches = (text: string) => {
    const words = wordsOf(text).map(word => word.text);
    return wanted.every(one => words.some(word => word === one || word === `${one}s`));
  };
  return [
    ...guides
      .filter(({ title, summary, keywords }) => matches([title, summary, ...keywords].join(' ')))
      .map(({ id, title }) => ({ href: `/guides/${id}`, kind: 'Guide' as const, title })),
    ...articles
      .filter(({ title, products, tags }) => matches([title, ...products, ...tags.map(tagText)].join(' ')))
      .map(({ id, title }) => ({ href: `/articles/${id}`, kind: 'Known leak' as const, title })),
  ].slice(0, MAX_READING);
}
