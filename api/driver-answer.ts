/** What the program says of one scanned driver: its identity, and each tag it uses with all evidence. */
import type { DriverService, Evidence, OtherTag, ScannedDriver, Strength } from '../data/facts.ts';
import { strengthOf } from '../data/facts.ts';
import type { TagPattern } from '../data/pool-tag.ts';
import type { Links } from './answer-document.ts';
import { driverLinks, patternLinks, tagLinks } from './answer-links.ts';
import { bestStrength } from './answer-owners.ts';
import type { AnswerSource } from './answer-source.ts';
import { type CatalogueDriver, countTags } from './driver-list.ts';
import { shortAnswer } from './tag-pointers.ts';

/** A driver in a list, without what only its own answer says. */
export type DriverEntry = Omit<ScannedDriver['driver'], 'imports' | 'poolFunctions'> & {
  isSample: boolean;
  /** Tags with more than unproven bytes. */
  tags: number;
  /** Tags of which only the four bytes were found. */
  unproven: number;
  partial: boolean;
  links: Links;
};

/** One tag as the driver uses it. */
export interface DriverSighting {
  tag: string;
  id: string;
  protected: boolean;
  /** One character is computed and was not worked out: `?` stands for it. */
  isPattern?: true;
  strength: Exclude<Strength, 'written'>;
  /** Some list names the tag, or a wildcard entry covers it. */
  isListed: boolean;
  /** What is known of the tag in one sentence. */
  summary: string;
  /** Every site. */
  evidence: Evidence[];
  links: Links;
}

export interface DriverAnswer {
  driver: ScannedDriver['driver'];
  isSample: boolean;
  /** The strongest first, then by bytes. */
  sightings: DriverSighting[];
  /** Tags that look like pool tags and are none; absent where there are none. */
  otherTags?: (Omit<OtherTag, 'tag'> & { tag: string; links: Links })[];
  remarks: string[];
  /** A limit was reached: what is here is right, but not all there is. */
  partial: boolean;
  /** What loads the driver on this computer; absent where that is not known. */
  services?: DriverService[];
  links: Links;
}

/** A driver as a list shows it. */
export function driverEntry(scanned: CatalogueDriver): DriverEntry {
  const { isSample, partial } = scanned;
  const { imports: _imports, poolFunctions: _poolFunctions, ...driver } = scanned.driver;
  return { ...driver, isSample, ...countTags(scanned), partial, links: driverLinks(driver.sha256) };
}

/** All about one driver. Throws SearchUnavailable where the index does not answer. */
export async function answerDriver(scanned: CatalogueDriver, source: AnswerSource): Promise<DriverAnswer> {
  const tags = scanned.sightings.map(({ tag }) => tag);
  const [records, ...covering] = await Promise.all([
    source.index.findMany(tags),
    ...tags.map(tag => source.index.covering(tag)),
  ]);
  const sightings = scanned.sightings.map((sighting, i): DriverSighting => {
    const strengths = sighting.evidence.map(({ kind }) => strengthOf(kind));
    return {
      tag: sighting.tag,
      id: sighting.id,
      protected: sighting.protected,
      strength: bestStrength(strengths) as DriverSighting['strength'],
      isListed: (records[i]?.knowledge.length ?? 0) > 0 || covering[i].length > 0,
      summary: shortAnswer(sighting.tag, records[i], covering[i], source).summary,
      evidence: sighting.evidence,
      ...(sighting.isPattern && { isPattern: true }),
      links: sighting.isPattern ? patternLinks(sighting.tag as string as TagPattern) : tagLinks(sighting.tag),
    };
  });
  return {
    driver: scanned.driver,
    isSample: scanned.isSample,
    sightings: sightings.sort(
      (a, b) => STRENGTHS.indexOf(a.strength) - STRENGTHS.indexOf(b.strength) || (a.id < b.id ? -1 : 1),
    ),
    ...(scanned.otherTags && {
      otherTags: scanned.otherTags.map(other => ({ ...other, links: tagLinks(other.tag) })),
    }),
    remarks: scanned.remarks,
    partial: scanned.partial,
    services: scanned.services,
    links: driverLinks(scanned.driver.sha256),
  };
}

const STRENGTHS: readonly Strength[] = ['proven', 'likely', 'bytes-only'];
