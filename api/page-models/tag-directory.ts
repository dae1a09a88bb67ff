/** Every loaded record by its first characters and by its component: what people browse. */
import type { TagRecord } from '../../data/facts.ts';
import type { Catalogue } from '../catalogue.ts';

export interface TagDirectory {
  /** In byte order. */
  records: readonly TagRecord[];
  /** By component id, in byte order. */
  byComponent: ReadonlyMap<string, readonly TagRecord[]>;
}

/** A directory that is made anew only when the catalogue has changed. */
export function tagDirectoryOf(catalogue: Catalogue): () => TagDirectory {
  let madeFor = -1;
  let directory: TagDirectory = { records: [], byComponent: new Map() };
  return () => {
    if (madeFor !== catalogue.version) {
      madeFor = catalogue.version;
      directory = makeDirectory(catalogue.records());
    }
    return directory;
  };
}

function makeDirectory(unsorted: readonly TagRecord[]): TagDirectory {
  const records = unsorted.toSorted((a, b) => (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0));
  const byComponent = new Map<string, TagRecord[]>();
  for (const record of records) {
    for (const id of new Set(record.knowledge.map(({ component }) => component))) {
      if (id === null) continue;
      const list = byComponent.get(id);
      if (list === undefined) byComponent.set(id, [record]);
      else list.push(record);
    }
  }
  return { records, byComponent };
}

/** Tags that begin with the prefix, and how they go on: each next character with its count. */
export function tagsBeginningWith(
  { records }: TagDirectory,
  prefix: string,
): { records: TagRecord[]; next: { prefix: string; count: number }[] } {
  const found = records.filter(({ tag }) => tag.startsWith(prefix));
  const counts = new Map<string, number>();
  for (const { tag } of found) {
    const longer = tag.slice(0, prefix.length + 1);
    counts.set(longer, (counts.get(longer) ?? 0) + 1);
  }
  return { records: found, next: [...counts].map(([longer, count]) => ({ prefix: longer, count })) };
}
