/** The list of scanned drivers: filtered, paged and counted. */
import type { Arch, ScannedDriver } from '../data/facts.ts';
import { strengthOf } from '../data/facts.ts';
import { inFacetOrder } from '../data/search-facets.ts';
import type { FacetCount } from '../data/search-index.ts';
import { vendorKey } from '../data/vendor-name.ts';

/** A scanned driver as the catalogue keeps it: with all its evidence. */
export interface CatalogueDriver extends ScannedDriver {
  /** A sample that ships with the program, not a driver of this computer. */
  isSample: boolean;
}

/** Which drivers to list. `page` from 1, `pageSize` 1 to 100. */
export interface DriverQuery {
  /** Part of a file name, a company, a product, a description or the beginning of a SHA-256; empty for all. */
  q: string;
  vendor?: string;
  arch?: Arch;
  page: number;
  pageSize: number;
}

export interface DriverPage {
  total: number;
  page: number;
  pageSize: number;
  drivers: CatalogueDriver[];
  /** Of the whole result, not of this page; each without its own filter. */
  facets: { vendor: FacetCount[]; arch: FacetCount[] };
}

/** The drivers that match, by file name, then SHA-256. */
export function listDrivers(drivers: Iterable<CatalogueDriver>, query: DriverQuery): DriverPage {
  const words = query.q.toLowerCase().split(/\s+/).filter(Boolean);
  const vendor = query.vendor === undefined ? undefined : vendorKey(query.vendor);
  const matching = [...drivers].filter(({ driver }) => {
    const text = searchText(driver);
    return words.every(word => text.includes(word));
  });
  const ofVendor = (one: CatalogueDriver) =>
    vendor === undefined || vendorKey(one.driver.company ?? '') === vendor;
  const ofArch = (one: CatalogueDriver) => query.arch === undefined || one.driver.arch === query.arch;
  const found = matching.filter(one => ofVendor(one) && ofArch(one)).sort(byName);
  return {
    total: found.length,
    page: query.page,
    pageSize: query.pageSize,
    drivers: found.slice((query.page - 1) * query.pageSize, query.page * query.pageSize),
    facets: {
      vendor: countVendors(matching.filter(ofArch)),
      arch: countBy(matching.filter(ofVendor), ({ driver }) => driver.arch),
    },
  };
}

/** How many tags a driver uses, and how many of them stand on more than unproven bytes. */
export function countTags({ sightings }: CatalogueDriver): { tags: number; unproven: number } {
  const unproven = sightings.filter(({ evidence }) =>
    evidence.every(({ kind }) => strengthOf(kind) === 'bytes-only'),
  ).length;
  return { tags: sightings.length - unproven, unproven };
}

function searchText({ fileName, company, product, description, sha256 }: CatalogueDriver['driver']): string {
  return [fileName, company, product, description, sha256].filter(Boolean).join('\n').toLowerCase();
}

function countVendors(drivers: readonly CatalogueDriver[]): FacetCount[] {
  const spellings = new Map<string, string>();
  const counts = countBy(drivers, ({ driver }) => {
    const key = vendorKey(driver.company ?? '');
    if (key !== '' && !spellings.has(key)) spellings.set(key, driver.company!.trim());
    return key;
  });
  return counts.map(({ value, count }) => ({ value: spellings.get(value)!, count }));
}

function countBy(
  drivers: readonly CatalogueDriver[],
  textOf: (driver: CatalogueDriver) => string,
): FacetCount[] {
  const counts = new Map<string, number>();
  for (const driver of drivers) {
    const value = textOf(driver);
    if (value !== '') counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return inFacetOrder([...counts].map(([value, count]) => ({ value, count })));
}

function byName(a: CatalogueDriver, b: CatalogueDriver): number {
  const [left, right] = [a, b].map(({ driver }) => `${driver.fileName.toLowerCase()}\n${driver.sha256}`);
  return left < right ? -1 : left > right ? 1 : 0;
}
