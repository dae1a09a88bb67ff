/** What a scan of this computer's drivers gives a localtag.txt. */
import { type ScannedDriver, strengthOf } from './facts.ts';
import type { TagListFact } from './pooltag-txt-writer.ts';

/**
 * One fact per tag and driver file, by tag and name. A tag that is only four bytes in a file is not among them, since
 * such a list cannot say how sure it is.
 */
export function localtagFacts(scans: Iterable<ScannedDriver>): TagListFact[] {
  const facts = new Map<string, TagListFact>();
  for (const { driver, sightings } of scans) {
    for (const { tag, isPattern = false, evidence } of sightings) {
      if (!evidence.some(site => strengthOf(site.kind) !== 'bytes-only')) continue;
      const key = `${tag}${driver.fileName.toLowerCase()}`;
      if (facts.has(key)) continue;
      const meaning = driver.description ?? driver.product ?? driver.company;
      facts.set(key, { tag, isPattern, image: driver.fileName, meaning });
    }
  }
  return [...facts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, fact]) => fact);
}
