/**
 * Compares our wording with a published list: facts are free, sentences are not. A meaning is copied where it says just
 * what the list says, or shares five words in a row with it.
 */
import { withoutNames } from './without-names.ts';

/** This many words in a row are a phrase that somebody else wrote. */
const COPIED_WORDS = 5;

/** What a meaning has in common with a line of a published list. */
export type Copied = 'equal' | 'five-words';

/** How far `meaning` is the wording of `line`; undefined where it is our own. */
export function copiedWording(meaning: string, line: string): Copied | undefined {
  const ours = words(meaning);
  const theirs = words(line);
  if (ours.length === 0 || theirs.length === 0) return undefined;
  if (ours.join(' ') === theirs.join(' ')) return 'equal';
  const phrases = new Set(runs(theirs));
  return runs(ours).some(run => phrases.has(run)) ? 'five-words' : undefined;
}

/** Groups of meanings that say the same once names are taken out: a template, not knowledge. */
export function sameWithoutNames<Entry extends { tag: string; meaning: string; title: string }>(
  entries: readonly Entry[],
): Entry[][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const bare = withoutNames(entry.meaning, entry.tag, entry.title);
    const known = groups.get(bare);
    if (known === undefined) groups.set(bare, [entry]);
    else known.push(entry);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

function runs(list: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at + COPIED_WORDS <= list.length; at++) {
    found.push(list.slice(at, at + COPIED_WORDS).join(' '));
  }
  return found;
}
