/** What every format of scan results is: text before the first file, for each file, and after the last. */
import type { Evidence, TagSighting } from '../../data/facts.ts';
import type { PoolTag } from '../../data/pool-tag.ts';
import type { ScannedFile } from '../../scanner/driver-files.ts';

export interface ScanWriter {
  begin(): string;
  /** Called in the order the files finish; empty where the format writes nothing until the end. */
  file(scanned: ScannedFile): string;
  end(): string;
  /** What the format could not hold, in sentences; complete after `end`. */
  readonly remarks: readonly string[];
}

/** The outcome without bare literals: they are what a text search would find, and are shown only on request. */
export function withoutLiterals(scanned: ScannedFile): ScannedFile {
  const { outcome } = scanned;
  if (outcome.status === 'refused') return scanned;
  const sightings: TagSighting[] = [];
  for (const sighting of outcome.sightings) {
    // Ten thousand copies take a while, and nearly all would be equal.
    if (!sighting.evidence.some(isLiteral)) {
      sightings.push(sighting);
      continue;
    }
    const evidence = sighting.evidence.filter(one => !isLiteral(one));
    if (evidence.length > 0) sightings.push({ ...sighting, evidence });
  }
  return { ...scanned, outcome: { ...outcome, sightings } };
}

function isLiteral({ kind }: Evidence): boolean {
  return kind === 'literal';
}

/**
 * The outcome with no other tag than the one that is explained; where the driver does not use it, with none but those
 * of `readings` that are no pool tags.
 */
export function ofExplainedTag(scanned: ScannedFile, readings: readonly PoolTag[]): ScannedFile {
  const { outcome, explanation } = scanned;
  if (outcome.status === 'refused') return scanned;
  const tags = explanation ? [explanation.tag] : readings;
  const ids = [explanation?.id, explanation?.also?.id];
  const sightings = outcome.sightings.filter(({ id }) => ids.includes(id));
  const otherTags = outcome.otherTags?.filter(({ tag }) => tags.includes(tag)) ?? [];
  return {
    ...scanned,
    outcome: { ...outcome, sightings, otherTags: otherTags.length === 0 ? undefined : otherTags },
  };
}
