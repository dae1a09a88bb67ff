/** Browsing: by first characters and by component. */
import type { Component } from '../../data/knowledge.ts';
import { tagText } from '../../data/pool-tag.ts';
import type { AnswerSource } from '../answer-source.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pagerOf, pathWith } from './pager.ts';
import { proseParts } from './prose-parts.ts';
import { sourceLinks } from './source-links.ts';
import { type TagDirectory, tagsBeginningWith } from './tag-directory.ts';
import { tagRow } from './tag-row.ts';
import { tagParts } from './tag-text.ts';

const ROWS_PER_PAGE = 100;

/** The view model of views/pages/browse.hbs. `prefix` has 0 to 4 characters, one per byte; `page` counts from 1. */
export function browsePage(
  context: PageContext,
  { prefix, page }: { prefix: string; page: number },
  directory: TagDirectory,
  source: AnswerSource,
) {
  const { records, next } = tagsBeginningWith(directory, prefix);
  const shown = tagText(prefix as Parameters<typeof tagText>[0]);
  const heading = prefix === '' ? 'Browse tags' : `Tags that begin with ${shown}`;
  const pathTo = (to: string) => pathWith('/browse', { prefix: to });
  return {
    frame: pageFrame(context, { title: heading, description: `${heading}.`, section: 'browse' }),
    heading,
    count: `${counted(records.length, 'tag', 'tags')}.`,
    crumbs: [...prefix].map((_, length) => ({
      tag: tagParts(prefix.slice(0, length)),
      href: pathTo(prefix.slice(0, length)),
    })),
    nextLabel: prefix === '' ? 'First character' : 'Next character',
    next:
      next.length < 2
        ? []
        : next.map(({ prefix: longer, count }) => ({
            tag: tagParts(longer),
            count: groupedNumber(count),
            href: pathTo(longer),
          })),
    caption: heading,
    rows: records
      .slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE)
      .map(record => tagRow(record, source)),
    pager: pagerOf(records.length, page, ROWS_PER_PAGE, to =>
      pathWith('/browse', { prefix, page: to > 1 ? to : undefined }),
    ),
  };
}

/** The view model of views/pages/components.hbs. */
export function componentsPage(
  context: PageContext,
  components: readonly Component[],
  { byComponent }: TagDirectory,
) {
  return {
    frame: pageFrame(context, {
      title: 'Components',
      description: 'Parts of Windows and products that own pool tags.',
      section: 'browse',
    }),
    count: `${counted(components.length, 'component', 'components')}.`,
    components: components
      .toSorted((a, b) => a.title.localeCompare(b.title, 'en'))
      .map(({ id, title, image, vendor }) => ({
        href: `/components/${id}`,
        title,
        image: image ?? '',
        vendor,
        tags: groupedNumber(byComponent.get(id)?.length ?? 0),
      })),
  };
}

/** The view model of views/pages/component.hbs. */
export function componentPage(
  context: PageContext,
  component: Component,
  page: number,
  directory: TagDirectory,
  source: AnswerSource,
) {
  const records = directory.byComponent.get(component.id) ?? [];
  const { id, title, image, vendor, about, growth, steps } = component;
  return {
    frame: pageFrame(context, { title, description: about, section: 'browse' }),
    title,
    image,
    vendor,
    about: proseParts(about),
    normal: proseParts(growth.normal),
    abnormal: proseParts(growth.abnormal),
    steps: steps.map(proseParts),
    sources: sourceLinks(component.sources),
    heading: `Its tags (${groupedNumber(records.length)})`,
    caption: `Tags of ${title}`,
    rows: records
      .slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE)
      .map(record => tagRow(record, source)),
    pager: pagerOf(records.length, page, ROWS_PER_PAGE, to =>
      pathWith(`/components/${id}`, { page: to > 1 ? to : undefined }),
    ),
  };
}
