/** The list of scanned drivers, and the page of one. */
import { type DriverIdentity, EVIDENCE_KINDS, type RefusedFile } from '../../data/facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import { driverLinks, explanationLinks } from '../answer-links.ts';
import type { DriverAnswer, DriverSighting } from '../driver-answer.ts';
import { countTags, type DriverPage, type DriverQuery } from '../driver-list.ts';
import { addressText } from '../evidence-words.ts';
import { isChangedSinceSigned, otherSigner } from '../identity-words.ts';
import { otherTagWords } from '../other-tag-words.ts';
import { identityRows } from './driver-identity-rows.ts';
import { counted, evidencePhrase, groupedNumber, siteLine, strengthMark } from './evidence-phrases.ts';
import type { LoadedBlock } from './loaded-block.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pagerOf, pathWith } from './pager.ts';
import { tagParts } from './tag-text.ts';

/** Tags of one page: with their sites folded in, a page stays below 100 KB. */
const TAGS_PER_PAGE = 40;
/** Sites shown of one tag; the REST answer has all. */
const SITES_PER_TAG = 5;
const MAX_REFUSED_LISTED = 50;
const MAX_UNPROVEN_LISTED = 200;
const MAX_OTHER_LISTED = 40;

/** The view model of views/pages/drivers.hbs. */
export function driversPage(
  context: PageContext,
  query: DriverQuery,
  found: DriverPage,
  {
    loaded,
    refused,
    hasDrivers,
  }: { loaded: LoadedBlock; refused: readonly RefusedFile[]; hasDrivers: boolean },
) {
  const pathFor = (changes: Partial<DriverQuery>) => {
    const { q, vendor, arch, page } = { ...query, page: 1, ...changes };
    return pathWith('/drivers', { q, vendor, arch, page: page > 1 ? page : undefined });
  };
  return {
    frame: pageFrame(context, {
      title: 'Drivers',
      description: 'The scanned drivers and the pool tags they use.',
      section: 'drivers',
    }),
    loaded,
    isEmpty: !hasDrivers,
    q: query.q,
    vendor: query.vendor ?? null,
    archs: [undefined, ...new Set([...found.facets.arch.map(({ value }) => value), query.arch])]
      .filter((value, index) => value !== undefined || index === 0)
      .map(value => ({ value: value ?? '', label: value ?? 'any', isCurrent: value === query.arch })),
    isNarrowed: query.q !== '' || query.vendor !== undefined || query.arch !== undefined,
    count: `${counted(found.total, 'driver', 'drivers')}${query.vendor === undefined ? '' : ` by ${query.vendor}`}`,
    drivers: found.drivers.map(one => ({
      href: driverLinks(one.driver.sha256).page,
      file: one.driver.fileName,
      isSample: one.isSample,
      isPartial: one.partial,
      description: one.driver.description ?? '',
      company: one.driver.company ?? '',
      vendorHref: one.driver.company === null ? null : pathFor({ vendor: one.driver.company }),
      signer: otherSigner(one.driver),
      isChanged: isChangedSinceSigned(one.driver),
      version: one.driver.version ?? '',
      arch: one.driver.arch,
      tags: groupedNumber(countTags(one).tags),
    })),
    pager: pagerOf(found.total, found.page, found.pageSize, page => pathFor({ page })),
    refused: refused
      .slice(0, MAX_REFUSED_LISTED)
      .map(({ fileName, reason }) => ({ file: fileName, message: reason.message })),
    refusedSummary: `${counted(refused.length, 'file was', 'files were')} not scanned`,
    refusedRest:
      refused.length > MAX_REFUSED_LISTED
        ? `And ${groupedNumber(refused.length - MAX_REFUSED_LISTED)} more.`
        : null,
  };
}

/** The view model of views/pages/driver.hbs; `page` counts from 1, `hasFile` tells whether tags can be explained. */
export function driverPage(context: PageContext, answer: DriverAnswer, page: number, hasFile: boolean) {
  const { driver, links } = answer;
  const shown = answer.sightings.filter(({ strength }) => strength !== 'bytes-only').toSorted(byProof);
  const unproven = answer.sightings.filter(({ strength }) => strength === 'bytes-only');
  return {
    frame: pageFrame(context, {
      title: driver.fileName,
      description: `The pool tags of ${driver.fileName}.`,
      section: 'drivers',
    }),
    file: driver.fileName,
    summary: driverSentence(driver, shown.length),
    isSample: answer.isSample,
    isPartial: answer.partial,
    total: groupedNumber(shown.length),
    tags: shown.slice((page - 1) * TAGS_PER_PAGE, page * TAGS_PER_PAGE).map(one => ({
      ...tagOfDriver(one),
      howHref: hasFile ? explanationLinks(driver.sha256, one.tag as PoolTag, one.isPattern).page : null,
    })),
    pager: pagerOf(shown.length, page, TAGS_PER_PAGE, to =>
      pathWith(links.page, { page: to > 1 ? to : undefined }),
    ),
    unprovenSummary: `${counted(unproven.length, 'tag', 'tags')} of which only the four bytes were found`,
    unproven: unproven
      .slice(0, MAX_UNPROVEN_LISTED)
      .map(({ tag, links: { page: href } }) => ({ tag: tagParts(tag), href })),
    ...otherTagsOf(answer),
    isChanged: isChangedSinceSigned(driver),
    identity: identityRows(driver, answer.services),
    remarks: answer.remarks,
    json: links.self,
  };
}

function tagOfDriver({ tag, links, strength, evidence, isListed, summary, ...sighting }: DriverSighting) {
  return {
    tag: tagParts(tag),
    href: links.page,
    strength: strengthMark(strength),
    isProtected: sighting.protected,
    isPattern: sighting.isPattern ?? false,
    words: evidencePhrase(evidence),
    sites: evidence.slice(0, SITES_PER_TAG).map(siteLine),
    moreSites:
      evidence.length > SITES_PER_TAG ? `All ${groupedNumber(evidence.length)} sites, as JSON` : null,
    listed: isListed ? summary : null,
  };
}

/** Tags that are no pool tags: the REST answer has all. */
function otherTagsOf({ sightings, otherTags = [] }: DriverAnswer) {
  const poolTags = new Set(sightings.map(({ tag }) => tag));
  const left = otherTags.length - MAX_OTHER_LISTED;
  return {
    otherTags: otherTags.slice(0, MAX_OTHER_LISTED).map(other => ({
      tag: tagParts(other.tag),
      href: other.links.page,
      words: otherTagWords(other, poolTags.has(other.tag)),
      api: other.api,
      rva: addressText(other.rva),
    })),
    moreOtherTags: left > 0 ? `And ${groupedNumber(left)} more, as JSON` : null,
  };
}

/** The best evidence first, then many sites before few. */
function byProof(a: DriverSighting, b: DriverSighting): number {
  const rank = ({ evidence }: DriverSighting) =>
    Math.min(...evidence.map(({ kind }) => EVIDENCE_KINDS.indexOf(kind)));
  return rank(a) - rank(b) || b.evidence.length - a.evidence.length || (a.id < b.id ? -1 : 1);
}

/** `Contoso Storage Filter 3.2.0 by Contoso Ltd, for x64. It uses 9 pool tags.` */
function driverSentence(
  { description, product, version, company, arch }: DriverIdentity,
  tags: number,
): string {
  const name = [description ?? product ?? 'A driver without a description', version]
    .filter(Boolean)
    .join(' ');
  const uses =
    tags === 0 ? 'No pool tag was found in it.' : `It uses ${counted(tags, 'pool tag', 'pool tags')}.`;
  return `${name}${company === null ? '' : ` by ${company}`}, for ${arch}. ${uses}`;
}
