/** Facets as both indexes give them: which there are, how a value is spelt, in which order the counts stand. */
import type { FacetCount, FacetName } from './search-index.ts';

export const FACET_NAMES: readonly FacetName[] = [
  'vendor',
  'component',
  'driver',
  'source',
  'arch',
  'strength',
];

/** More values than a page can show; a longer tail is reached by searching, not by ticking boxes. */
const MAX_FACET_VALUES = 200;

/** The counts of one facet by count, then name, cut to {@link MAX_FACET_VALUES}. */
export function inFacetOrder(counts: FacetCount[]): FacetCount[] {
  return counts.sort((a, b) => b.count - a.count || compareText(a.value, b.value)).slice(0, MAX_FACET_VALUES);
}

/** Chooses one spelling for the values that share a key: the one most records use, then the first by code units. */
export class FacetSpellings {
  readonly #counts = new Map<string, Map<string, number>>();

  /** Counts a spelling once; a record that is taken out later keeps its vote. */
  add(key: string, spelling: string): void {
    let counts = this.#counts.get(key);
    if (counts === undefined) {
      counts = new Map();
      this.#counts.set(key, counts);
    }
    counts.set(spelling, (counts.get(spelling) ?? 0) + 1);
  }

  /** The spelling to show; the key itself where none was added. */
  best(key: string): string {
    let best: [string, number] | undefined;
    for (const [spelling, count] of this.#counts.get(key) ?? []) {
      if (
        best === undefined ||
        count > best[1] ||
        (count === best[1] && compareText(spelling, best[0]) < 0)
      ) {
        best = [spelling, count];
      }
    }
    return best?.[0] ?? key;
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
