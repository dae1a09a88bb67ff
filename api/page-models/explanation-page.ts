/** The page, and the fold on the driver's page, that show how a scan knows that a driver uses a tag. */
import type { TagPattern } from '../../data/pool-tag.ts';
import type {
  CodeListing,
  ListingLine,
  PathStep,
  TagExplanation,
} from '../../scanner/explain/tag-explanation.ts';
import type { Links } from '../answer-document.ts';
import { patternLinks } from '../answer-links.ts';
import type { DriverExplanation } from '../driver-explanations.ts';
import { addressText } from '../evidence-words.ts';
import { isOwnWildcard } from '../explain-readings.ts';
import { siteInWords } from '../site-words.ts';
import { tagHref } from './answer-parts.ts';
import { counted } from './evidence-phrases.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { tagParts } from './tag-text.ts';

/** Columns of a listing: the widest address, and as many bytes as most instructions have. */
const ADDRESS_WIDTH = 9;
const BYTES_WIDTH = 24;
/** In front of a line, so that what it is does not depend on colour. */
const MARKS: Record<NonNullable<ListingLine['role']>, string> = { constant: '>', carries: '|', call: '=>' };

/** The view model of views/pages/explanation.hbs. */
export function explanationPage(context: PageContext, explanation: DriverExplanation) {
  const { driver, tag, isPattern = false, also, links } = explanation;
  return {
    frame: pageFrame(context, {
      title: `How a tag was found in ${driver.fileName}`,
      description: `The instructions by which ${driver.fileName} uses a pool tag.`,
      section: 'drivers',
    }),
    file: driver.fileName,
    driverHref: links.page.replace(/\/explain\/.*$/, ''),
    tag: tagParts(tag),
    isPattern,
    tagHref: isPattern ? patternLinks(tag as string as TagPattern).page : tagHref(tag),
    count: countOf(explanation),
    isOwnWildcard: isOwnWildcard(explanation),
    explanation: explanationFold(explanation),
    also: also === undefined ? null : alsoView(also, links),
    json: links.self,
  };
}

/** The tag that is spelled like the wildcard of the page. */
function alsoView(also: TagExplanation, links: Links) {
  return {
    tag: tagParts(also.tag),
    tagHref: tagHref(also.tag),
    count: countOf(also),
    explanation: explanationFold({ ...also, links }),
  };
}

function countOf({ sites, moreSites }: TagExplanation): string {
  return counted(sites.length + moreSites, 'site', 'sites');
}

/** The view model of views/pages/explanation-fold.hbs. */
export function explanationFold({ sites, moreSites, wrappers, links }: TagExplanation & { links: Links }) {
  return {
    sites: sites.map(({ evidence, steps, listings }, i) => ({
      number: i + 1,
      words: siteInWords(evidence),
      steps: steps.map(stepView),
      listings: listings.map(listingView),
    })),
    wrappers: wrappers.map(listingView),
    more: moreSites === 0 ? null : `And ${counted(moreSites, 'more site', 'more sites')}.`,
    json: links.self,
  };
}

function stepView({ rva, text, instruction }: PathStep) {
  return {
    address: rva === null ? null : addressText(rva),
    text: text.charAt(0).toUpperCase() + text.slice(1),
    instruction,
  };
}

function listingView({ functionRva, lines }: CodeListing) {
  return {
    label: `Instructions of the function at ${addressText(functionRva)}`,
    lines: lines.map(({ rva, bytes, text, note, role, isAfterGap }) => ({
      isAfterGap,
      role: role ?? 'plain',
      mark: (role === null ? '' : MARKS[role]).padEnd(3),
      address: addressText(rva).padEnd(ADDRESS_WIDTH),
      bytes: bytes.padEnd(BYTES_WIDTH),
      text,
      note,
    })),
  };
}
