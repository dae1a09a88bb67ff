/** The parts that the pages of a known and of an unknown tag share. */
import type { SightingSummary } from '../../data/facts.ts';
import { type PoolTag, tagPathSegment } from '../../data/pool-tag.ts';
import type {
  ArticleView,
  Owner,
  Reading,
  SightingView,
  TagAnswer,
  TagPointer,
  UnknownTagAnswer,
} from '../answer-document.ts';
import { type LeakVerdict, verdictInWords } from '../leak-applies.ts';
import { OTHER_USE_NOTE, otherUsesInWords } from '../other-tag-words.ts';
import { siteLine, strengthMark, summaryPhrase } from './evidence-phrases.ts';
import { proseParts } from './prose-parts.ts';
import { sourceLinks } from './source-links.ts';
import { copyableTag, tagParts } from './tag-text.ts';

/** Drivers that are linked; the REST answer has all. */
const MAX_OTHER_USERS = 10;

/** The head of a tag's page: the tag, the sentence, the reading, the spellings. */
export function tagHead(answer: TagAnswer | UnknownTagAnswer) {
  return {
    tag: tagParts(answer.tag),
    plainText: copyableTag(answer.tag),
    summary: answer.summary,
    reading: readingSentence(answer.reading),
    facts: [
      { label: 'In memory', text: answer.bytes, href: null },
      { label: 'ULONG', text: answer.ulong, href: null },
      { label: 'In C source', text: answer.literal, href: null },
      { label: 'Link', text: answer.links.page, href: answer.links.page },
    ],
  };
}

/** `“65726854” was read as: ULONG.`; null where the reading is the plain one. */
function readingSentence({ input, as, isPlain }: Reading): string | null {
  return isPlain ? null : `“${input}” was read as: ${as}.`;
}

/** What drivers use the tag for beside pool memory, in a sentence with the drivers to look at; null where none does. */
export function otherUses({ found, otherUses: uses = [] }: TagAnswer | UnknownTagAnswer) {
  if (uses.length === 0) return null;
  const words = otherUsesInWords(uses.map(({ driver, kind }) => ({ kind, fileName: driver.fileName })));
  const drivers = new Map(
    uses.map(({ driver, links }) => [driver.sha256, { file: driver.fileName, href: links.page }]),
  );
  const left = drivers.size - MAX_OTHER_USERS;
  return {
    // The sentence on an unknown tag says it already.
    text: found ? `${words}. ${OTHER_USE_NOTE}` : OTHER_USE_NOTE,
    drivers: [...drivers.values()].slice(0, MAX_OTHER_USERS),
    rest: left > 0 ? `and ${left} more` : null,
  };
}

/** The address of a tag's page. */
export function tagHref(tag: PoolTag): string {
  return `/tags/${tagPathSegment(tag)}`;
}

/** Another tag with its answer in short. */
export function pointer({ tag, summary, links }: TagPointer) {
  return { tag: tagParts(tag), summary, href: links.page };
}

/** A known leak, in short, with a heading of this level. */
export function articleEntry(article: ArticleView, level: 3 | 4 = 3) {
  return {
    level,
    href: `/articles/${article.id}`,
    title: article.title,
    status: capitalised(article.status),
    products: article.products.join(', '),
    verdict: verdictMark(article.applies),
    cause: proseParts(article.cause),
    remedy: proseParts(article.remedy),
  };
}

/** Whether a known leak concerns the machine: `Applies`, and why. */
export function verdictMark(applies: LeakVerdict) {
  const { verdict, reason } = applies;
  return { words: capitalised(verdictInWords(applies)), isWarning: verdict === 'applies', reason };
}

/** Who owns the tag, as a list or a book has it. */
export function ownerRow(owner: Owner) {
  return {
    strength: strengthMark(owner.strength),
    owner: owner.image ?? 'nobody in particular',
    href: owner.component === null ? null : `/components/${owner.component}`,
    matched: owner.matched === undefined ? null : tagParts(owner.matched),
    meaning: proseParts(owner.meaning ?? 'What it holds is not written down.'),
    note: proseParts(owner.note),
    sources: sourceLinks(owner.sources),
  };
}

/** A driver that uses the tag. */
export function sightingRow({ driver, strength, kinds, sites, firstSites, ...sighting }: SightingView) {
  return {
    file: driver.fileName,
    href: sighting.links.page as string | null,
    isSample: driver.isSample,
    isProtected: sighting.protected,
    strength: strengthMark(strength),
    words: summaryPhrase(kinds, sites),
    sites: firstSites.map(siteLine),
    moreSites: sites > firstSites.length ? `All ${sites} sites are on the driver’s page` : null,
    identity: identityLine(driver),
  };
}

/** `3.2.0 x64 Contoso`. */
export function identityLine({ version, arch, company }: SightingSummary['driver']): string {
  return [version, arch, company].filter(Boolean).join(' · ');
}

/** With a capital letter in front. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
