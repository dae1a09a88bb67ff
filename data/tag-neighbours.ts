/** Which other tags an index must look up for one tag: its spellings in other letter case, and wildcards that cover it. */
import { type PoolTag, patternId, type TagPattern, tagId } from './pool-tag.ts';

/** The same ASCII letters in every other mix of case, in byte order; at most 15 for four letters. */
export function otherCases(text: string): string[] {
  let spellings = [''];
  for (const character of text) {
    const upper = /[a-z]/.test(character) ? character.toUpperCase() : character;
    const lower = /[A-Z]/.test(character) ? character.toLowerCase() : character;
    const cases = upper === lower ? [character] : [upper, lower];
    spellings = spellings.flatMap(spelling => cases.map(next => spelling + next));
  }
  return spellings.filter(spelling => spelling !== text);
}

/** The ids that tags differing only by letter case have. */
export function caseVariantIds(tag: PoolTag): string[] {
  return otherCases(tag).map(spelling => tagId(spelling as PoolTag));
}

/**
 * The ids of every wildcard entry that could cover the tag, those that fix more bytes first: each byte itself or `?`,
 * or a closing `*` filled up with blanks. There are 30, so an index need not walk through its entries.
 */
export function coveringPatternIds(tag: PoolTag): string[] {
  let beginnings = [{ text: '', fixed: 0 }];
  const patterns: typeof beginnings = [];
  for (const character of tag) {
    patterns.push(...beginnings.map(({ text, fixed }) => ({ text: `${text}*`.padEnd(4, ' '), fixed })));
    beginnings = beginnings.flatMap(({ text, fixed }) => [
      { text: text + character, fixed: fixed + 1 },
      { text: `${text}?`, fixed },
    ]);
  }
  patterns.push(...beginnings.filter(({ fixed }) => fixed < 4));
  const ids = patterns
    .sort((a, b) => b.fixed - a.fixed || (a.text < b.text ? -1 : 1))
    .map(({ text }) => patternId(text as TagPattern));
  return [...new Set(ids)];
}
