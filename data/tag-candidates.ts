/** Gathers the ways to understand one input, most likely first, and makes PoolTags of them. */
import {
  isNameableUlong,
  type PoolTag,
  PROTECTED_BIT,
  poolTag,
  tagFromUlong,
  tagToUlong,
} from './pool-tag.ts';

/** One way to understand an input. */
export interface TagCandidate {
  tag: PoolTag;
  /** For people: `plain`, `source literal`, `ULONG, protected bit removed`, `padded with blanks`, ... */
  as: string;
  /** The four characters as they were typed, so that nothing needs saying. */
  isPlain: boolean;
  /** PROTECTED_POOL (bit 31) was set in the input and is not in `tag`. */
  isProtected?: boolean;
}

const BLANKS = 'padded with blanks';
const NULS = 'padded with NUL';

/** What was probably meant comes `first`; `later` readings are taken only where they alone are known. */
export class TagCandidates {
  readonly #first: TagCandidate[] = [];
  readonly #later: TagCandidate[] = [];
  /** Some spelling came out as four zero bytes. */
  sawZero = false;

  /** Characters as somebody typed them. Short ones usually stand for a tag with blanks at the end. */
  addText(characters: string, how: readonly string[], isLater = false): void {
    if (isLater && !isPrintableText(characters)) return;
    const list = isLater ? this.#later : this.#first;
    if (characters.length < 4) {
      this.#add(list, characters.padEnd(4, ' '), [...how, BLANKS], false);
      this.#add(list, characters.padEnd(4, '\0'), [...how, NULS], false);
    } else {
      this.#add(list, characters, how, false);
      this.#addOtherPadding(characters, how);
    }
  }

  /** The bytes of a value, in memory order. What it lacks is NUL, and the form with blanks comes second. */
  addValue(bytes: string, how: readonly string[], isLater = false): void {
    const four = bytes.padEnd(4, '\0');
    const isPlausible = isNameableUlong(tagToUlong(four.replace(/\0+$/, '').padEnd(4, ' ')));
    if (isLater && !isPlausible) return;
    this.#add(isLater ? this.#later : this.#first, four, how, true);
    this.#addOtherPadding(four, how);
  }

  /** Each tag once, as it was read first. */
  inOrder(): TagCandidate[] {
    const byTag = new Map<string, TagCandidate>();
    for (const candidate of [...this.#first, ...this.#later]) {
      if (!byTag.has(candidate.tag)) byTag.set(candidate.tag, candidate);
    }
    return [...byTag.values()];
  }

  /** `Io  ` and `Io` with two NULs print alike, so each leads to the other where only that is known. */
  #addOtherPadding(four: string, how: readonly string[]): void {
    const stem = four.replace(/(?: +|\0+)$/, '');
    if (stem.length === 4 || stem === '') return;
    const isBlank = four.endsWith(' ');
    this.#add(this.#later, stem.padEnd(4, isBlank ? '\0' : ' '), [...how, isBlank ? NULS : BLANKS], true);
  }

  #add(list: TagCandidate[], four: string, how: readonly string[], isValue: boolean): void {
    const ulong = tagToUlong(four);
    const named = (ulong & ~PROTECTED_BIT) >>> 0;
    if (named === 0) {
      this.sawZero = true;
      return;
    }
    const asGiven = candidateOf(poolTag(four), how);
    if (ulong < PROTECTED_BIT) {
      list.push(asGiven);
      return;
    }
    const unprotected = candidateOf(tagFromUlong(named), [...how, 'protected bit removed']);
    unprotected.isProtected = true;
    // The pool strips the bit from a value before it names the tag; a typed é is first of all a byte.
    if (isValue) {
      list.push(unprotected);
      this.#later.push(asGiven);
    } else {
      list.push(asGiven);
      if (isNameableUlong(named)) this.#later.push(unprotected);
    }
  }
}

/** A guess has to look like a tag: control characters are taken only where they were plainly meant. */
function isPrintableText(characters: string): boolean {
  return !/\p{Cc}/u.test(characters.replace(/\0+$/, ''));
}

function candidateOf(tag: PoolTag, how: readonly string[]): TagCandidate {
  return { tag, as: how.length === 0 ? 'plain' : how.join(', '), isPlain: how.length === 0 };
}
