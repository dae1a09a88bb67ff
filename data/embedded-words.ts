/** The words of the embedded index: a radix tree of minisearch, with Meilisearch's rules for errors and ranks. */
import SearchableMap from 'minisearch/SearchableMap';
import { EXACT_FIELDS, WORD_FIELDS } from './search-fields.ts';
import { allowedTypos, isNumber, ONE_TYPO_LENGTH, typosIn } from './typo-distance.ts';

/** Where a word stands in each record: slot of the record -> {@link packPlace}. */
type Places = Map<number, number>;

/** A place packs three facts into one small integer, which keeps 50,000 records in about 100 MB. */
const FORGIVING = 1;
const POSITION_SHIFT = 1;
const MAX_POSITION = 15;
const FIELD_SHIFT = 5;

/** Ranks are sums over at most ten words, compared by errors, then fields (0 to 6), then positions (0 to 10). */
const FIELD_RANK = 1 << 7;
const TYPO_RANK = FIELD_RANK << 6;

/** `pool tag` finds `pooltag`: so many neighbours may be one word in a record, as in Meilisearch. */
const MAX_JOINED_WORDS = 3;

/**
 * Plain edits that cover one error when a swap of neighbours is counted as the two edits it takes: the tree knows
 * no swaps.
 */
const EDITS_OF_ONE_TYPO = 2;

/** The errors that a rank counts. */
export function typosOfRank(rank: number): number {
  return Math.floor(rank / TYPO_RANK);
}

/**
 * Records are named by slots: small integers that the caller gives out. Fields are at most seven, the most telling first;
 * those in `exactFields` forgive no errors.
 */
export class EmbeddedWords<Field extends string = (typeof WORD_FIELDS)[number]> {
  readonly #fields: readonly Field[];
  readonly #exactFields: ReadonlySet<string>;
  readonly #places = new Map<string, Places>();
  readonly #tree = new SearchableMap<Places>();

  constructor(
    fields = WORD_FIELDS as readonly string[] as readonly Field[],
    exactFields: ReadonlySet<string> = EXACT_FIELDS,
  ) {
    this.#fields = fields;
    this.#exactFields = exactFields;
  }

  add(slot: number, words: Record<Field, string[]>): void {
    for (const [word, place] of this.#placesOf(words)) {
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
  remove(slot: number, words: Record<Field, string[]>): void {
    for (const word of new Set(this.#fields.flatMap(field => words[field]))) {
      const places = this.#places.get(word);
      if (!places?.delete(slot) || places.size > 0) continue;
      this.#places.delete(word);
      this.#tree.delete(word);
    }
  }

  /** Ranks, the smallest first, of the records that have all words; the last word may be a beginning. */
  find(words: readonly string[]): Map<number, number> {
    // From the last word to the first: what the words from here on find, each alone or written together with the next.
    const found: Map<number, number>[] = [];
    for (let start = words.length - 1; start >= 0; start--) {
      let here = new Map<number, number>();
      for (let count = 1; count <= MAX_JOINED_WORDS && start + count <= words.length; count++) {
        const end = start + count;
        const rest = found[end];
        if (rest?.size === 0) continue;
        const ranks = this.#ranksOf(words.slice(start, end), end === words.length);
        if (rest === undefined && here.size === 0) here = ranks;
        else addSums(here, ranks, rest);
      }
      found[start] = here;
    }
    return found[0] ?? new Map();
  }

  /** Ranks for one word, or for several written as one, which counts as an error for each gap. */
  #ranksOf(words: readonly string[], mayBeBeginning: boolean): Map<number, number> {
    const word = words.join('');
    const gaps = words.length - 1;
    const ranks = new Map<number, number>();
    if (gaps > 0 && isNumber(word)) return ranks;
    const exact = this.#places.get(word);
    if (exact) addPlaces(ranks, exact, gaps, false);
    if (mayBeBeginning) {
      for (const places of this.#tree.atPrefix(word).values()) {
        if (places !== exact) addPlaces(ranks, places, gaps, false);
      }
    }
    const limit = allowedTypos(word) - gaps;
    if (limit <= 0) return ranks;
    for (const [candidate, places] of this.#tree.atPrefix(word.slice(0, 1))) {
      const typos = typosIn(word, candidate, limit, mayBeBeginning);
      if (typos !== undefined && typos > 0) addPlaces(ranks, places, gaps + typos, true);
    }
    // An error in the first letter weighs two, as in Meilisearch; in a short word it counts only if nothing else fits.
    if (limit === 2 || (gaps === 0 && ranks.size === 0)) {
      for (const [candidate, [places]] of this.#tree.fuzzyGet(word, EDITS_OF_ONE_TYPO)) {
        const isOther = candidate[0] !== word[0];
        if (isOther && typosIn(word, candidate, 1, false) === 1) addPlaces(ranks, places, 2, true);
      }
    }
    if (gaps === 0 && word.length >= ONE_TYPO_LENGTH) this.#addHalves(ranks, word);
    return ranks;
  }

  /** Adds records that write the word as two, which counts as an error: `workitem` finds `work item`. */
  #addHalves(ranks: Map<number, number>, word: string): void {
    let best = new Map<number, number>();
    for (let middle = 1; middle < word.length; middle++) {
      const left = this.#places.get(word.slice(0, middle));
      const right = this.#places.get(word.slice(middle));
      if (left === undefined || right === undefined) continue;
      const [few, many] = left.size < right.size ? [left, right] : [right, left];
      const both = new Map<number, number>();
      for (const [slot, place] of few) {
        const other = many.get(slot);
        if (other !== undefined) both.set(slot, rankOf(place, 1) + rankOf(other, 0));
      }
      // Of several places to cut, the one that most records know is meant.
      if (both.size > best.size) best = both;
    }
    for (const [slot, rank] of best) keepBest(ranks, slot, rank);
  }

  /** For each word its earliest field, its earliest position in any field, and whether a field forgives errors in it. */
  #placesOf(words: Record<Field, string[]>): Map<string, number> {
    const places = new Map<string, number>();
    for (const [field, name] of this.#fields.entries()) {
      const forgiving = this.#exactFields.has(name) ? 0 : FORGIVING;
      for (const [index, word] of words[name].entries()) {
        const position = positionCost(index);
        const known = places.get(word);
        if (known === undefined) {
          places.set(word, (field << FIELD_SHIFT) | (position << POSITION_SHIFT) | forgiving);
        } else {
          const earliest = Math.min((known >> POSITION_SHIFT) & MAX_POSITION, position);
          places.set(
            word,
            ((known >> FIELD_SHIFT) << FIELD_SHIFT) | (earliest << POSITION_SHIFT) | (known & 1) | forgiving,
          );
        }
      }
    }
    return places;
  }
}

/** Adds the records that both have, walking through the fewer; without `rest` all of `ranks`. */
function addSums(
  sums: Map<number, number>,
  ranks: ReadonlyMap<number, number>,
  rest: ReadonlyMap<number, number> | undefined,
): void {
  if (rest === undefined) {
    for (const [slot, rank] of ranks) keepBest(sums, slot, rank);
    return;
  }
  const [few, many] = ranks.size < rest.size ? [ranks, rest] : [rest, ranks];
  for (const [slot, rank] of few) {
    const other = many.get(slot);
    if (other !== undefined) keepBest(sums, slot, rank + other);
  }
}

function keepBest(ranks: Map<number, number>, slot: number, rank: number): void {
  const known = ranks.get(slot);
  if (known === undefined || rank < known) ranks.set(slot, rank);
}

/** Of one record's places the fewest errors count; among those the earliest field, and apart from it the earliest position. */
function addPlaces(ranks: Map<number, number>, places: Places, typos: number, isMistyped: boolean): void {
  for (const [slot, place] of places) {
    if (isMistyped && (place & FORGIVING) === 0) continue;
    const base = typos * TYPO_RANK;
    const rank = rankOf(place, typos);
    const known = ranks.get(slot);
    if (known === undefined || known >= base + TYPO_RANK) {
      ranks.set(slot, rank);
    } else if (known >= base) {
      const [position, knownPosition] = [rank % FIELD_RANK, known % FIELD_RANK];
      ranks.set(slot, Math.min(rank - position, known - knownPosition) + Math.min(position, knownPosition));
    }
  }
}

function rankOf(place: number, typos: number): number {
  return typos * TYPO_RANK + (place >> FIELD_SHIFT) * FIELD_RANK + ((place >> POSITION_SHIFT) & MAX_POSITION);
}

/** The further back a word stands, the coarser its position counts (Meilisearch's steps): 0 to 10. */
function positionCost(index: number): number {
  const steps = [0, 1, 4, 7, 11, 15, 23, 64, 256, 1_024];
  const cost = steps.findIndex(last => index <= last);
  return cost < 0 ? steps.length : cost;
}
