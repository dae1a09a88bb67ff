/** Known leaks and guides. */
import type { LeakArticle } from '../../data/facts.ts';
import type { Guide, KnownLeak } from '../../data/knowledge.ts';
import { isPattern, type PoolTag, type TagPattern, tagText } from '../../data/pool-tag.ts';
import { patternLinks, tagLinks } from '../answer-links.ts';
import { renderMarkdown } from '../markdown.ts';
import { capitalised } from './answer-parts.ts';
import { counted } from './evidence-phrases.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { proseParts } from './prose-parts.ts';
import { sourceLinks } from './source-links.ts';
import { tagParts } from './tag-text.ts';

const STATUS_SENTENCES: Record<LeakArticle['status'], string> = {
  fixed: 'Fixed.',
  workaround: 'Not fixed, but there is a way around it.',
  open: 'Open: users reported it, and no fix is confirmed.',
  unknown: 'What became of it is not known.',
};
/** A contents list pays from here on. */
const MIN_CONTENTS = 3;

/** The view model of views/pages/articles.hbs. */
export function articlesPage(context: PageContext, articles: readonly LeakArticle[], q: string) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = articles.filter(article => {
    const text = searchText(article);
    return words.every(word => text.includes(word));
  });
  return {
    frame: pageFrame(context, {
      title: 'Known leaks',
      description: 'Published reports of kernel pool leaks and what ended them.',
      section: 'leaks',
    }),
    q,
    count: `${counted(found.length, 'report', 'reports')}.`,
    articles: found.map(article => ({
      href: `/articles/${article.id}`,
      title: article.title,
      tags: tagLinkList(article.tags),
      products: article.products.join(', '),
      status: capitalised(article.status),
    })),
  };
}

/** The view model of views/pages/article.hbs. `titles` names the articles that may have replaced this one. */
export function articlePage(context: PageContext, article: KnownLeak, titles: ReadonlyMap<string, string>) {
  return {
    frame: pageFrame(context, { title: article.title, description: article.cause, section: 'leaks' }),
    title: article.title,
    tags: tagLinkList(article.tags),
    products: article.affected.map(affectedText).join('; '),
    symptom: proseParts(article.symptom),
    cause: proseParts(article.cause),
    remedy: proseParts(article.remedy),
    statusText: STATUS_SENTENCES[article.status],
    supersededBy: article.supersededBy.map(id => ({ href: `/articles/${id}`, title: titles.get(id) ?? id })),
    note: proseParts(article.note),
    sources: sourceLinks(article.sources),
  };
}

/** The view model of views/pages/guides.hbs. */
export function guidesPage(context: PageContext, guides: readonly Guide[]) {
  return {
    frame: pageFrame(context, {
      title: 'Guides',
      description: 'How to find who takes the kernel pool, step by step.',
      section: 'guides',
    }),
    guides: guides.map(({ id, title, summary }) => ({ href: `/guides/${id}`, title, summary })),
  };
}

/** The view model of views/pages/guide.hbs. */
export function guidePage(context: PageContext, guide: Guide) {
  const { html, contents } = renderMarkdown(guide.markdown);
  return {
    frame: pageFrame(context, { title: guide.title, description: guide.summary, section: 'guides' }),
    title: guide.title,
    summary: guide.summary,
    contents: contents.length < MIN_CONTENTS ? [] : contents,
    html,
    sources: sourceLinks(guide.sources),
  };
}

function tagLinkList(tags: readonly (PoolTag | TagPattern)[]) {
  return tags.map(tag => ({
    tag: tagParts(tag),
    href: (isPattern(tag) ? patternLinks(tag as TagPattern) : tagLinks(tag as PoolTag)).page,
  }));
}

function affectedText({ product, from, before, only }: KnownLeak['affected'][number]): string {
  const versions = [
    only?.join(', '),
    from === undefined ? undefined : `from ${from}`,
    before === undefined ? undefined : `before ${before}`,
  ];
  return [product, ...versions].filter(Boolean).join(' ');
}

function searchText({ title, tags, products, symptom, cause, remedy, id }: LeakArticle): string {
  return [id, title, ...tags.map(tagText), ...products, symptom, cause, remedy].join('\n').toLowerCase();
}
