/** Filters of tags with PoolMon's wildcards: `?` is one character, `*` any number; upper and lower case differ. */

/** More filters than that are a mistake, and each costs a look at every tag. */
export const MAX_FILTERS = 200;
/** A tag has four characters: the longest pattern that makes sense spells them as `\xE9` with stars between. */
export const MAX_FILTER_CHARACTERS = 40;

export interface TagFilters {
  /** Tags that one of these covers; empty lets every tag through. */
  include: readonly string[];
  /** Tags that one of these covers are left out, also where they are included. */
  exclude: readonly string[];
}

/** Whether the filters let a tag through, as PoolMon's /i and /x do. */
export function tagFilter({ include, exclude }: TagFilters): (tag: string) => boolean {
  const [wanted, unwanted] = [include.map(patternOf), exclude.map(patternOf)];
  return tag =>
    (wanted.length === 0 || wanted.some(pattern => covers(pattern, tag))) &&
    !unwanted.some(pattern => covers(pattern, tag));
}

/** Bytes that no keyboard has are written `\xE9`, as the output shows them. */
function patternOf(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Blanks at the end of a tag need not be typed. */
function covers(pattern: string, tag: string): boolean {
  return matches(pattern, tag) || matches(pattern, tag.trimEnd());
}

/** Goes back to the last star alone, so that many stars cost no more than pattern times text. */
function matches(pattern: string, text: string): boolean {
  let [at, read, star, mark] = [0, 0, -1, 0];
  while (read < text.length) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      mark = read;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[read])) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++mark;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
