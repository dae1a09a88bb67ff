/** The words of the embedded index: a radix tree of minisearch, with Meilisearch's rules for errors and ranks. */
import SearchableMap from 'minisearch/SearchableMap';
import { EXACT_FIELDS, WORD_FIELDS, type WordField } from './search-fields.ts';
import { allowedTypos, typoDistance } from './typo-distance.ts';

/** Where a word stands in each record: slot of the record -> {@link packPlace}. */
type Places = Map<number, number>;

/** A place packs three facts into one small integer, which keeps 50,000 records in about 100 MB. */
const FORGIVING = 1;
const POSITION_SHIFT = 1;
const FIELD_SHIFT = 5;

/** Ranks are sums over at most ten words, compared by errors, then fields (0 to 6), then positions (0 to 10). */
const FIELD_RANK = 1 << 7;
const TYPO_RANK = FIELD_RANK << 6;

/**
 * Plain edits that cover one error when a swap of neighbours is counted as the two edits it takes: the tree knows
 * no swaps.
 */
const EDITS_OF_ONE_TYPO = 2;

/** Records are named by slots: small integers that the caller gives out. */
export class EmbeddedWords {
  readonly #places = new Map<string, Places>();
  readonly #tree = new SearchableMap<Places>();

  add(slot: number, words: Record<WordField, string[]>): void {
    for (const [word, place] of placesOf(words)) {
      let places = this.#places.get(word);
      if (places === undefined) {
        places = new Map();
        this.#places.set(word, places);
        this.#tree.set(word, places);
      }
      places.set(slot, place);
    }
  }

  /** Takes out what {@link add} was given. */
  remove(slot: number, words: Record<WordField, string[]>): void {
    for (const word of new Set(Object.values(words).flat())) {
      const places = this.#places.get(word);
      if (!places?.delete(slot) || places.size > 0) continue;
      this.#places.delete(word);
      this.#tree.delete(word);
    }
  }

  /** Ranks, the smallest first, of the records that have all words; the last word may be a beginning. */
  find(words: readonly string[]): Map<number, number> {
    let found: Map<number, number> | undefined;
    for (const [index, word] of words.entries()) {
      const ranks = this.#ranksOf(word, index === words.length - 1);
      if (found !== undefined) {
        for (const [slot, rank] of ranks) {
          const sum = found.get(slot);
          if (sum === undefined) ranks.delete(slot);
          else ranks.set(slot, sum + rank);
        }
      }
      if (ranks.size === 0) return ranks;
      found = ranks;
    }
    return found ?? new Map();
  }

  #ranksOf(word: string, mayBeBeginning: boolean): Map<number, number> {
    const ranks = new Map<number, number>();
    const exact = this.#places.get(word);
    if (exact) addPlaces(ranks, exact, 0);
    if (mayBeBeginning) {
      for (const places of this.#tree.atPrefix(word).values())
        if (places !== exact) addPlaces(ranks, places, 0);
    }
    const limit = allowedTypos(word);
    if (limit === 0) return ranks;
    for (const [candidate, places] of this.#tree.atPrefix(word.slice(0, 1))) {
      const typos = typoDistance(word, candidate, limit, mayBeBeginning);
      if (typos > 0 && typos <= limit) addPlaces(ranks, places, typos);
    }
    // An error in the first letter weighs two, as in Meilisearch; in a short word it counts only if nothing else fits.
    if (limit === 2 || ranks.size === 0) {
      for (const [candidate, [places]] of this.#tree.fuzzyGet(word, EDITS_OF_ONE_TYPO)) {
        if (candidate[0] !== word[0] && typoDistance(word, candidate, 1) === 1) addPlaces(ranks, places, 2);
      }
    }
    return ranks;
  }
}

function addPlaces(ranks: Map<number, number>, places: Places, typos: number): void {
  for (const [slot, place] of places) {
    if (typos > 0 && (place & FORGIVING) === 0) continue;
    const field = place >> FIELD_SHIFT;
    const position = (place >> POSITION_SHIFT) & 15;
    const rank = typos * TYPO_RANK + field * FIELD_RANK + position;
    const known = ranks.get(slot);
    if (known === undefined || rank < known) ranks.set(slot, rank);
  }
}

/** For each word its earliest field, its earliest position in any field, and whether a field forgives errors in it. */
function placesOf(words: Record<WordField, string[]>): Map<string, number> {
  const places = new Map<string, number>();
  for (const [field, name] of WORD_FIELDS.entries()) {
    const forgiving = EXACT_FIELDS.has(name) ? 0 : FORGIVING;
    for (const [index, word] of words[name].entries()) {
      const position = positionCost(index);
      const known = places.get(word);
      if (known === undefined) {
        places.set(word, (field << FIELD_SHIFT) | (position << POSITION_SHIFT) | forgiving);
      } else {
        const earliest = Math.min((known >> POSITION_SHIFT) & 15, position);
        places.set(
          word,
          ((known >> FIELD_SHIFT) << FIELD_SHIFT) | (earliest << POSITION_SHIFT) | (known & 1) | forgiving,
        );
      }
    }
  }
  return places;
}

/** The further back a word stands, the coarser its position counts (Meilisearch's steps): 0 to 10. */
function positionCost(index: number): number {
  const steps = [0, 2, 4, 7, 11, 16, 24, 64, 256, 1_024];
  const cost = steps.findIndex(last => index <= last);
  return cost < 0 ? steps.length : cost;
}
