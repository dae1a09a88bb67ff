/** OtherTagUses: which scanned drivers use a tag for something else than pool memory, and for that alone. */
import type { OtherTag, ScannedDriver } from '../data/facts.ts';
import type { PoolTag } from '../data/pool-tag.ts';
import type { OtherUse } from './answer-document.ts';
import { driverLinks } from './answer-links.ts';

/** By tag; a driver counts once, by its SHA-256. It owns no tag by that, so the index of tags knows nothing of it. */
export class OtherTagUses {
  readonly #byTag = new Map<PoolTag, Map<string, OtherUse[]>>();
  readonly #tagsByDriver = new Map<string, Set<PoolTag>>();

  /** Takes what a scan saw of a driver, in place of what was seen of the same SHA-256. */
  put({ driver, sightings, otherTags = [] }: ScannedDriver, isSample: boolean): void {
    const { fileName, sha256 } = driver;
    for (const tag of this.#tagsByDriver.get(sha256) ?? []) this.#byTag.get(tag)?.delete(sha256);
    this.#tagsByDriver.delete(sha256);
    const poolTags = new Set(sightings.map(({ tag }) => tag));
    const others = otherTags.filter(({ tag }) => !poolTags.has(tag));
    if (others.length === 0) return;
    this.#tagsByDriver.set(sha256, new Set(others.map(({ tag }) => tag)));
    for (const { tag, kind, sites } of others) {
      const uses = this.#usesOf(tag, sha256);
      uses.push({ driver: { fileName, sha256, isSample }, kind, sites, links: driverLinks(sha256) });
    }
  }

  /** By file name, then SHA-256. */
  of(tag: PoolTag): OtherUse[] {
    return [...(this.#byTag.get(tag)?.values() ?? [])]
      .flat()
      .sort((a, b) => compareText(sortKey(a), sortKey(b)));
  }

  #usesOf(tag: OtherTag['tag'], sha256: string): OtherUse[] {
    const drivers = this.#byTag.get(tag) ?? new Map<string, OtherUse[]>();
    this.#byTag.set(tag, drivers);
    const uses = drivers.get(sha256) ?? [];
    drivers.set(sha256, uses);
    return uses;
  }
}

function sortKey({ driver }: OtherUse): string {
  return `${driver.fileName.toLowerCase()}\0${driver.sha256}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
