/** Components and guides as REST gives them. */
import type { KnowledgeEntry } from '../data/facts.ts';
import type { Component, Guide } from '../data/knowledge.ts';
import { type PoolTag, patternId, type TagPattern, tagId } from '../data/pool-tag.ts';
import { componentLinks, guideLinks, patternLinks, tagLinks } from './answer-links.ts';

/** A component with its addresses. */
export function componentEntry(component: Component) {
  return { ...component, links: componentLinks(component.id) };
}

/** A component with its tags of the bundled list, in its order. */
export function answerComponent(component: Component, entries: readonly KnowledgeEntry[]) {
  const tags = new Map(
    entries
      .filter(entry => entry.component === component.id)
      .map(({ tag, isPattern, meaning }) => [
        tag,
        {
          tag,
          id: isPattern ? patternId(tag as TagPattern) : tagId(tag as PoolTag),
          isPattern,
          meaning,
          links: isPattern ? patternLinks(tag as TagPattern) : tagLinks(tag as PoolTag),
        },
      ]),
  );
  return { ...componentEntry(component), tags: [...tags.values()] };
}

/** A guide without its text. */
export function guideEntry({ markdown: _markdown, order: _order, ...guide }: Guide) {
  return { ...guide, links: guideLinks(guide.id) };
}

/** A guide, its text in Markdown. */
export function answerGuide({ order: _order, ...guide }: Guide) {
  return { ...guide, links: guideLinks(guide.id) };
}
