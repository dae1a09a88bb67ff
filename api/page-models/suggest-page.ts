/** The page that proposes free pool tags for a driver of the reader's own. */
import type { PoolTag } from '../../data/pool-tag.ts';
import { TAG_RULES } from '../../data/tag-naming.ts';
import { MAX_NAME_CHARACTERS, type Proposal, type TagSuggestions } from '../suggest-tags.ts';
import { counted } from './evidence-phrases.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pathWith } from './pager.ts';
import { tagParts } from './tag-text.ts';

/** What the page says: proposals, or why there are none, or neither before anything was asked. */
export interface SuggestPageContents {
  /** As it was typed. */
  name: string;
  suggestions: TagSuggestions | null;
  problem: string | null;
}

/** The view model of views/pages/suggest.hbs. */
export function suggestPage(context: PageContext, { name, suggestions, problem }: SuggestPageContents) {
  return {
    frame: pageFrame(context, {
      title: 'Choose a tag',
      description: 'Free kernel pool tags for a driver of your own, by its name.',
      section: 'guides',
    }),
    name,
    maxLength: MAX_NAME_CHARACTERS,
    problem,
    result: suggestions === null ? null : resultOf(suggestions),
    rules: TAG_RULES,
  };
}

function resultOf({ name, proposals, kinds, rejected, comparedWith }: TagSuggestions) {
  const { tags, drivers } = comparedWith;
  const beside = drivers === 0 ? 'no driver' : counted(drivers, 'driver', 'drivers');
  return {
    count: `${counted(proposals.length, 'free tag', 'free tags')}, compared with ${counted(tags, 'tag', 'tags')} and ${beside}.`,
    proposals: proposals.map(proposal => ({ ...rowOf(proposal), words: proposal.how })),
    kinds: kinds.map(proposal => ({ ...rowOf(proposal), words: proposal.kind })),
    rejected: rejected.map(one => ({ tag: tagParts(one.tag), why: one.why, href: one.with.links.page })),
    json: pathWith('/api/v1/suggest', { name }),
  };
}

function rowOf({ tag, define }: Proposal) {
  return { tag: tagParts(tag as PoolTag), define };
}
