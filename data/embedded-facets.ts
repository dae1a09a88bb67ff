/** Counts facet values for the embedded index: every value is a small number, so that counting is an array's work. */
import { FACET_NAMES, FacetSpellings, inFacetOrder } from './search-facets.ts';
import { facetKey } from './search-fields.ts';
import type { FacetCount, FacetName } from './search-index.ts';

export class EmbeddedFacets {
  readonly #numbers = new Map<string, number>();
  readonly #values: { facet: FacetName; key: string }[] = [];
  readonly #spellings = new FacetSpellings();

  /** The numbers of a record's facet values. */
  numbersOf(facets: Record<FacetName, ReadonlyMap<string, string>>): Uint32Array {
    const numbers: number[] = [];
    for (const facet of FACET_NAMES) {
      for (const [key, spelling] of facets[facet]) {
        const name = `${facet}:${key}`;
        this.#spellings.add(name, spelling);
        let number = this.#numbers.get(name);
        if (number === undefined) {
          number = this.#values.push({ facet, key }) - 1;
          this.#numbers.set(name, number);
        }
        numbers.push(number);
      }
    }
    return Uint32Array.from(numbers);
  }

  /** The number of the value that a filter names, in any spelling; undefined where no record has it. */
  numberOf(facet: FacetName, value: string): number | undefined {
    return this.#numbers.get(`${facet}:${facetKey(facet, value)}`);
  }

  count(records: Iterable<{ facets: Uint32Array }>): Record<FacetName, FacetCount[]> {
    const counts = new Uint32Array(this.#values.length);
    for (const { facets } of records) {
      for (let i = 0; i < facets.length; i++) counts[facets[i]!]!++;
    }
    const lists = Object.fromEntries(FACET_NAMES.map(name => [name, []])) as unknown as Record<
      FacetName,
      FacetCount[]
    >;
    for (const [number, { facet, key }] of this.#values.entries()) {
      const count = counts[number]!;
      if (count > 0) lists[facet].push({ value: this.#spellings.best(`${facet}:${key}`), count });
    }
    for (const facet of FACET_NAMES) lists[facet] = inFacetOrder(lists[facet]);
    return lists;
  }
}
