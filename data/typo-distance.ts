/** How many typing errors lie between two words: a letter missing, added or wrong, or two neighbours swapped, is one. */

/** From how many letters a word may be mistyped once, and twice: the same in both indexes. */
export const ONE_TYPO_LENGTH = 4;
export const TWO_TYPOS_LENGTH = 8;

/** Digits alone: numbers are taken as they stand. */
export function isNumber(word: string): boolean {
  return /^\p{N}+$/u.test(word);
}

/** How many errors a typed word may have. */
export function allowedTypos(typed: string): 0 | 1 | 2 {
  if (typed.length < ONE_TYPO_LENGTH || isNumber(typed)) return 0;
  return typed.length < TWO_TYPOS_LENGTH ? 1 : 2;
}

/**
 * The errors in `typed` where it is meant to be `word` (or, with `isBeginning`, to begin it); undefined where there
 * are more than `limit` or the word is a number.
 */
export function typosIn(
  typed: string,
  word: string,
  limit: number,
  isBeginning: boolean,
): number | undefined {
  const typos = typoDistance(typed, word, limit, isBeginning);
  return typos > limit || (typos > 0 && isNumber(word)) ? undefined : typos;
}

/**
 * The number of errors in `typed` against `word`, or against that beginning of `word` which fits best (`isPrefix`);
 * `limit + 1` where there are more than `limit`. Time is bounded by length times limit.
 */
function typoDistance(typed: string, word: string, limit: number, isPrefix: boolean): number {
  const tooMany = limit + 1;
  if (typed.length - word.length > limit) return tooMany;
  if (!isPrefix && word.length - typed.length > limit) return tooMany;
  const width = Math.min(word.length, typed.length + limit);
  let beforeLast = new Array<number>(width + 1).fill(tooMany);
  let last = Array.from({ length: width + 1 }, (_, column) => Math.min(column, tooMany));
  let bestOfLast = 0;
  for (let row = 1; row <= typed.length; row++) {
    const current = new Array<number>(width + 1).fill(tooMany);
    let best = tooMany;
    if (row <= limit) {
      current[0] = row;
      best = row;
    }
    // Cells further than `limit` from the diagonal can only hold more than `limit`.
    for (let column = Math.max(1, row - limit); column <= Math.min(width, row + limit); column++) {
      const same = typed[row - 1] === word[column - 1];
      let cost = Math.min(
        last[column - 1]! + (same ? 0 : 1),
        last[column]! + 1,
        current[column - 1]! + 1,
        tooMany,
      );
      if (
        !same &&
        row > 1 &&
        column > 1 &&
        typed[row - 1] === word[column - 2] &&
        typed[row - 2] === word[column - 1]
      ) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current[column] = cost;
      best = Math.min(best, cost);
    }
    if (best > limit && bestOfLast > limit) return tooMany;
    bestOfLast = best;
    beforeLast = last;
    last = current;
  }
  return isPrefix ? Math.min(...last) : last[width]!;
}
