/** An outcome with very many sightings on its way out of a worker: in parts, so that one is read while the next is written. */
import type { ScanOutcome, TagSighting } from '../../data/facts.ts';

/** Sightings of one part, some 100 KB of JSON. Most drivers have fewer, and go as they are. */
const PART_SIGHTINGS = 500;

export interface OutcomeParts {
  /** The first sightings. */
  parts: TagSighting[][];
  /** The outcome with the last of them. */
  rest: ScanOutcome;
}

export function outcomeInParts(outcome: ScanOutcome): OutcomeParts {
  if (outcome.status === 'refused') return { parts: [], rest: outcome };
  const { sightings } = outcome;
  const parts: TagSighting[][] = [];
  let from = 0;
  for (; sightings.length - from > PART_SIGHTINGS; from += PART_SIGHTINGS)
    parts.push(sightings.slice(from, from + PART_SIGHTINGS));
  return { parts, rest: from === 0 ? outcome : { ...outcome, sightings: sightings.slice(from) } };
}

/** The outcome again, from the sightings of all parts before its rest. */
export function outcomeFromParts(first: TagSighting[], rest: ScanOutcome): ScanOutcome {
  if (rest.status === 'refused' || first.length === 0) return rest;
  for (const sighting of rest.sightings) first.push(sighting);
  return { ...rest, sightings: first };
}
