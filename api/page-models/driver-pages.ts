/** The list of scanned drivers, and the page of one. */
import type { RefusedFile, TagSighting } from '../../data/facts.ts';
import { EVIDENCE_KINDS, strengthOf } from '../../data/facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import { driverLinks, tagLinks } from '../answer-links.ts';
import { bestStrength } from '../answer-owners.ts';
import { type CatalogueDriver, countTags, type DriverPage, type DriverQuery } from '../driver-list.ts';
import { counted, evidencePhrase, groupedNumber, siteLine, strengthMark } from './evidence-phrases.ts';
import type { LoadedBlock } from './loaded-block.ts';
import { type PageContext, pageFrame } from './page-frame.ts';
import { pagerOf, pathWith } from './pager.ts';
import { tagParts } from './tag-text.ts';

/** Tags of one page: with their sites folded in, a page stays below 100 KB. */
export const TAGS_PER_PAGE = 60;
/** Sites shown of one tag; the REST answer has all. */
const SITES_PER_TAG = 6;
const MAX_REFUSED_LISTED = 50;
const MAX_UNPROVEN_LISTED = 200;

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

/** The tags of a driver that its page shows: those with evidence, the best first. */
export function shownSightings({ sightings }: CatalogueDriver): TagSighting[] {
  const rank = ({ evidence }: TagSighting) =>
    Math.min(...evidence.map(({ kind }) => EVIDENCE_KINDS.indexOf(kind)));
  return sightings
    .filter(sighting => sightingStrengthOf(sighting) !== 'bytes-only')
    .toSorted(
      (a, b) => rank(a) - rank(b) || b.evidence.length - a.evidence.length || (a.tag < b.tag ? -1 : 1),
    );
}

/** What a list says of a tag: undefined where none knows it. */
export type ListedAs = ReadonlyMap<PoolTag, string>;

/** The view model of views/pages/driver.hbs. `listed` covers the tags of this page. */
export function driverPage(context: PageContext, one: CatalogueDriver, page: number, listed: ListedAs) {
  const { driver } = one;
  const shown = shownSightings(one);
  const unproven = one.sightings.filter(sighting => sightingStrengthOf(sighting) === 'bytes-only');
  const links = driverLinks(driver.sha256);
  return {
    frame: pageFrame(context, {
      title: driver.fileName,
      description: `The pool tags of ${driver.fileName}.`,
      section: 'drivers',
    }),
    file: driver.fileName,
    summary: driverSentence(one),
    isSample: one.isSample,
    isPartial: one.partial,
    total: groupedNumber(shown.length),
    tags: shown.slice((page - 1) * TAGS_PER_PAGE, page * TAGS_PER_PAGE).map(sighting => ({
      tag: tagParts(sighting.tag),
      href: tagLinks(sighting.tag).page,
      strength: strengthMark(sightingStrengthOf(sighting)),
      isProtected: sighting.protected,
      words: evidencePhrase(sighting.evidence),
      sites: sighting.evidence.slice(0, SITES_PER_TAG).map(siteLine),
      moreSites:
        sighting.evidence.length > SITES_PER_TAG
          ? `All ${groupedNumber(sighting.evidence.length)} sites, as JSON`
          : null,
      listed: listed.get(sighting.tag) ?? null,
    })),
    pager: pagerOf(shown.length, page, TAGS_PER_PAGE, to =>
      pathWith(links.page, { page: to > 1 ? to : undefined }),
    ),
    unprovenSummary: `${counted(unproven.length, 'more place', 'more places')} with four bytes that may be a tag, without proof`,
    unproven: unproven
      .slice(0, MAX_UNPROVEN_LISTED)
      .map(({ tag }) => ({ tag: tagParts(tag), href: tagLinks(tag).page })),
    identity: identityRows(one),
    remarks: one.remarks,
    json: links.self,
  };
}

/** `Contoso Storage Filter 3.2.0 by Contoso Ltd, for x64. It uses 9 pool tags.` */
function driverSentence(one: CatalogueDriver): string {
  const { description, product, version, company, arch } = one.driver;
  const name = [description ?? product ?? 'A driver without a description', version]
    .filter(Boolean)
    .join(' ');
  const { tags } = countTags(one);
  const uses =
    tags === 0 ? 'No pool tag was found in it.' : `It uses ${counted(tags, 'pool tag', 'pool tags')}.`;
  return `${name}${company === null ? '' : ` by ${company}`}, for ${arch}. ${uses}`;
}

function identityRows({ driver }: CatalogueDriver) {
  const rows: [label: string, text: string | null, isCode?: boolean][] = [
    ['Product', driver.product],
    ['Original name', driver.originalName],
    ['Linked', driver.linkDate?.replace('T', ' ').replace(/(:\d\d)(\.\d+)?Z$/, '$1 UTC') ?? null],
    ['Size', `${groupedNumber(driver.sizeBytes)} bytes`],
    ['Symbols', driver.pdbName],
    ['SHA-256', driver.sha256, true],
  ];
  return rows
    .filter(([, text]) => text !== null)
    .map(([label, text, isCode = false]) => ({ label, text, isCode }));
}

function sightingStrengthOf({ evidence }: TagSighting) {
  return bestStrength(evidence.map(({ kind }) => strengthOf(kind)));
}
