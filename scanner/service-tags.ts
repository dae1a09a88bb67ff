/** What the services of a computer add to the scan of a driver that they load: themselves, and a tag that is made of a name. */
import type { DriverService, Evidence, ScannedDriver, TagSighting } from '../data/facts.ts';
import {
  isNameableUlong,
  isShortTagUlong,
  type PoolTag,
  poolTag,
  tagId,
  tagToUlong,
} from '../data/pool-tag.ts';
import { byStrength } from './evidence-order.ts';
import { kmdfDefaultOfService } from './kmdf-default-tag.ts';

/**
 * The scanned driver with its services. KMDF makes its default tag from the service's name, which a scan of the file alone takes
 * from the file's: with the services at hand each gives its own, and the guess goes.
 */
export function withServices(scanned: ScannedDriver, services: readonly DriverService[]): ScannedDriver {
  const guess = scanned.sightings.flatMap(({ evidence }) => evidence.filter(isDefaultTag)).at(0);
  const known = guess === undefined ? [] : services.flatMap(({ name }) => defaultOf(name, guess));
  const sightings = known.length === 0 ? scanned.sightings : withDefaults(scanned.sightings, known);
  return { ...scanned, sightings, services: [...services] };
}

interface DefaultTag {
  tag: PoolTag;
  evidence: Evidence;
}

/** The tag by a service's name, at the call that the guess names; none where a pool tag cannot be written so. */
function defaultOf(service: string, guess: Evidence): DefaultTag[] {
  const { tag, rule } = kmdfDefaultOfService(service);
  if (tag === undefined) return [];
  const ulong = tagToUlong(poolTag(tag));
  if (!isNameableUlong(ulong) && !isShortTagUlong(ulong)) return [];
  return [{ tag: poolTag(tag), evidence: { ...guess, rule } }];
}

/** Without the guess, and with what is known in its place; in the order of their ids, as a scan gives them. */
function withDefaults(sightings: readonly TagSighting[], known: readonly DefaultTag[]): TagSighting[] {
  const byId = new Map<string, TagSighting>();
  for (const sighting of sightings) {
    const evidence = sighting.evidence.filter(one => !isDefaultTag(one));
    if (evidence.length > 0) byId.set(sighting.id, { ...sighting, evidence });
  }
  for (const { tag, evidence } of known) {
    const id = tagId(tag);
    const same = byId.get(id);
    // Of two services one name may begin as the other.
    if (same?.evidence.some(isDefaultTag)) continue;
    const proven = same?.evidence.filter(one => !isLiteral(one)) ?? [];
    byId.set(id, { tag, id, protected: false, ...same, evidence: [...proven, evidence].sort(byStrength) });
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isDefaultTag({ kind }: Evidence): boolean {
  return kind === 'default-tag';
}

/** Bytes alone, which are not worth telling where a use is known. */
function isLiteral({ kind }: Evidence): boolean {
  return kind === 'literal' || kind === 'family-literal';
}
