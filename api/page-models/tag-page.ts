/** The page of a known tag: the answer first, the proof under it, the next step beside it. */
import type { PoolTag } from '../../data/pool-tag.ts';
import { tagText } from '../../data/pool-tag.ts';
import type { TagAnswer } from '../answer-document.ts';
import { adviceBox, type GuideTitles } from './advice-box.ts';
import {
  articleEntry,
  identityLine,
  otherUses,
  ownerRow,
  pointer,
  sightingRow,
  tagHead,
  tagHref,
} from './answer-parts.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';
import type { MachineForm } from './machine-form.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pagerOf } from './pager.ts';
import { proseParts } from './prose-parts.ts';
import { tagParts } from './tag-text.ts';

/** Rows of one page, so that a tag that hundreds of drivers share stays a small page. */
const SIGHTINGS_PER_PAGE = 40;
const MAX_WEAK_LISTED = 40;

/** What the answer document does not hold. */
export interface TagPageExtras {
  guides: GuideTitles;
  /** The component of the first owner that has one, with some of its tags. */
  component: { id: string; title: string; total: number; tags: readonly PoolTag[] } | null;
  /** From 1: which part of the drivers. */
  page: number;
  /** What the reader says of their machine. */
  machine: MachineForm;
  /** Whether any driver was scanned at all. */
  hasDrivers: boolean;
}

/** The view model of views/pages/tag.hbs. */
export function tagPage(context: PageContext, answer: TagAnswer, extras: TagPageExtras) {
  const shown = tagText(answer.tag as PoolTag);
  const seen = answer.sightings.filter(({ strength }) => strength !== 'bytes-only');
  const weak = answer.sightings.filter(({ strength }) => strength === 'bytes-only');
  const written = answer.owners.filter(({ strength }) => strength === 'written');
  const first = (extras.page - 1) * SIGHTINGS_PER_PAGE;
  return {
    frame: pageFrame(context, {
      title: `${shown} – ${answer.summary.replace(/\.$/, '')}`,
      description: answer.summary,
      query: shown,
    }),
    ...tagHead(answer),
    otherUses: otherUses(answer),
    also: answer.reading.also.map(({ as, tag, links }) => ({ as, tag: tagParts(tag), href: links.page })),
    advice: answer.advice.map(advice => adviceBox(advice, extras.guides)),
    isEmpty: written.length === 0 && seen.length === 0,
    evidence: {
      caption: 'Owners and evidence for this tag',
      owners: extras.page > 1 ? [] : written.map(ownerRow),
      sightings: seen.slice(first, first + SIGHTINGS_PER_PAGE).map(sightingRow),
    },
    pager: pagerOf(seen.length, extras.page, SIGHTINGS_PER_PAGE, page => `${answer.links.page}?page=${page}`),
    weak: weak.slice(0, MAX_WEAK_LISTED).map(({ driver, links }) => ({
      file: driver.fileName,
      href: links.page,
      identity: identityLine(driver),
      isSample: driver.isSample,
    })),
    weakSummary: `${counted(weak.length, 'more file holds', 'more files hold')} the four bytes, without proof`,
    weakRest:
      weak.length > MAX_WEAK_LISTED ? `And ${groupedNumber(weak.length - MAX_WEAK_LISTED)} more.` : null,
    emptySightings: answer.sightings.length > 0 ? null : noSightings(extras.hasDrivers),
    articles: answer.articles.map(article => articleEntry(article)),
    machine: extras.machine,
    related: [
      { title: 'Moves with', note: 'These tend to grow along with it.', list: answer.companions },
      { title: 'Differs by case only', note: 'Each of these is another tag.', list: answer.caseVariants },
      { title: 'Spelled alike', note: null, list: answer.near },
    ]
      .filter(({ list }) => list.length > 0)
      .map(({ title, note, list }) => ({ title, note, pointers: list.map(pointer) })),
    component: extras.component && {
      title: extras.component.title,
      href: `/components/${extras.component.id}`,
      count: counted(extras.component.total, 'tag', 'tags'),
      tags: extras.component.tags.map(tag => ({ tag: tagParts(tag), href: tagHref(tag) })),
    },
    json: answer.links.self,
  };
}

function noSightings(hasDrivers: boolean) {
  return proseParts(
    hasDrivers
      ? 'None of the loaded drivers uses it.'
      : 'No driver is loaded, so only lists can speak. Start with `pooltag serve --drivers C:\\Windows\\System32\\drivers` to see which files use it.',
  );
}
