/** PatternBeginnings: tells at a glance that no wildcard entry covers a tag, as is so of most tags of a log. */

/** How a pattern begins, up to three characters before its first wildcard. */
function beginningOf(pattern: string): string {
  return /^[^?*]{0,3}/.exec(pattern)![0];
}

export class PatternBeginnings {
  readonly #beginnings = new Set<string>();

  /** Takes a wildcard entry. One that is no longer there does no harm. */
  add(pattern: string): void {
    this.#beginnings.add(beginningOf(pattern));
  }

  /** False where no entry that was added covers the tag. */
  mayCover(tag: string): boolean {
    return [0, 1, 2, 3].some(length => this.#beginnings.has(tag.slice(0, length)));
  }
}
