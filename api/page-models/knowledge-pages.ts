/** Known leaks and guides. */
import type { LeakArticle } from '../../data/facts.ts';
import type { Guide } from '../../data/knowledge.ts';
import { isPattern, type PoolTag, type TagPattern, tagText } from '../../data/pool-tag.ts';
import type { WindowsRelease } from '../../data/windows-builds.ts';
import { affectedInWords } from '../affected-words.ts';
import { patternLinks, tagLinks } from '../answer-links.ts';
import type { ArticleAnswer } from '../article-answer.ts';
import { renderMarkdown } from '../markdown.ts';
import { capitalised, verdictMark } from './answer-parts.ts';
import { counted } from './evidence-phrases.ts';
import type { MachineForm } from './machine-form.ts';
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

/** The view model of views/pages/articles.hbs. Articles come in the order to show them in. */
export function articlesPage(
  context: PageContext,
  articles: readonly ArticleAnswer[],
  { q, form }: { q: string; form: MachineForm },
) {
  const isAsked = form.windows !== '' || form.driver !== '';
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
    machine: { ...form, q },
    count: `${counted(found.length, 'report', 'reports')}.`,
    articles: found.map(article => ({
      href: `/articles/${article.id}`,
      title: article.title,
      tags: tagLinkList(article.tags),
      affected: article.affected.map(affected => affectedInWords(affected, [])),
      // A column of "may apply" says nothing.
      verdict: isAsked || article.applies.verdict !== 'may-apply' ? verdictMark(article.applies) : null,
      status: capitalised(article.status),
    })),
  };
}

/** What the article's page takes beside it. */
interface ArticlePageExtras {
  /** The titles of the articles that may have replaced this one. */
  titles: ReadonlyMap<string, string>;
  form: MachineForm;
  releases: readonly WindowsRelease[];
}

/** The view model of views/pages/article.hbs. */
export function articlePage(
  context: PageContext,
  article: ArticleAnswer,
  { titles, form, releases }: ArticlePageExtras,
) {
  return {
    frame: pageFrame(context, { title: article.title, description: article.cause, section: 'leaks' }),
    title: article.title,
    tags: tagLinkList(article.tags),
    affected: article.affected.map(one => ({
      text: affectedInWords(one, releases),
      condition: one.condition ?? null,
    })),
    verdict: verdictMark(article.applies),
    machine: form,
    symptom: proseParts(article.symptom),
    cause: proseParts(article.cause),
    remedy: proseParts(article.remedy),
    statusText: STATUS_SENTENCES[article.status],
    supersededBy: article.supersededBy.map(id => ({ href: `/articles/${id}`, title: titles.get(id) ?? id })),
    note: proseParts(article.note),
    sources: sourceLinks(article.sources),
    versionSources: sourceLinks(article.versionSources),
    json: article.links.self,
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

function searchText({ title, tags, products, symptom, cause, remedy, id }: LeakArticle): string {
  return [id, title, ...tags.map(tagText), ...products, symptom, cause, remedy].join('\n').toLowerCase();
}
