/** Reads what people type into the search box: a tag in any spelling, a pattern of bytes, words, or nothing. */
import { patternId, poolTag, type TagPattern, tagId } from './pool-tag.ts';
import { namePartsOf, type Word, wordsOf } from './search-words.ts';
import { coveringPatternIds } from './tag-neighbours.ts';
import { tagReadings } from './tag-readings.ts';

/** Four bytes as wanted: a value each, or null for any. */
export type TagShape = readonly (number | null)[];

/** Tags by their bytes, in byte order, those with the ids of `first` before all others. */
export interface BytesPlan {
  kind: 'bytes';
  first: string[];
  /** A tag belongs that has one of these shapes; none for what no tag can hold. */
  shapes: TagShape[];
}

/** Exact tags, then tags that begin so, then records with these words. */
export interface TextPlan {
  kind: 'text';
  /** Ids of the tags that the input may name, the likeliest reading first. */
  exact: string[];
  /** One to four characters that tags may begin with; null where the input is too long for a tag. */
  prefix: string | null;
  /** Ids of the wildcard entries that cover the likeliest reading, the most specific first. */
  covering: string[];
  /** All must be found; the last one may be unfinished. */
  words: string[];
  /** The same words as they were typed between blanks: what is given up when nothing has them all. */
  terms: { text: string; words: string[] }[];
  /** The words with names taken apart (`DereferenceObject`: two words), for when the names as typed find nothing. */
  nameParts: string[] | null;
}

export type SearchPlan = { kind: 'all' } | BytesPlan | TextPlan;

/** Enough for the ten longest words; what follows would be ignored anyway. */
const MAX_QUERY_LENGTH = 1_000;
/** As many words as Meilisearch reads. */
const MAX_QUERY_WORDS = 10;

/** Says how a query is to be answered. Takes any text; never throws. */
export function readSearchQuery(q: string): SearchPlan {
  const text = q.trimStart().slice(0, MAX_QUERY_LENGTH);
  const trimmed = text.trimEnd();
  if (trimmed === '') return { kind: 'all' };
  // Blanks at the end belong to the tag where it can hold them: `Io ` finds `Io 1`, not `IoNm`.
  const asTag = [text, trimmed].find(candidate => /^[\0-\xff]{1,4}$/.test(candidate)) ?? null;
  if (!/[\p{L}\p{N}]/u.test(trimmed) && !isWildcard(trimmed)) return containing(trimmed);
  if (isWildcard(trimmed)) {
    const pattern = [text, trimmed].find(candidate => fixedLength(candidate) <= 4);
    if (pattern !== undefined && /^[\0-\xff]+$/.test(pattern)) return wildcard(pattern);
  }
  const words = wordsOf(trimmed).slice(0, MAX_QUERY_WORDS);
  const readings = tagReadings(asTag ?? trimmed);
  if (readings.kind === 'pattern') return wildcard(readings.pattern);
  const tags = readings.kind === 'readings' ? readings.candidates.map(candidate => candidate.tag) : [];
  return {
    kind: 'text',
    exact: tags.map(tagId),
    prefix: asTag,
    covering: tags.length === 0 ? [] : coveringPatternIds(tags[0]!),
    words: words.map(word => word.text),
    terms: termsOf(trimmed, words),
    nameParts: namePartsInstead(trimmed, words),
  };
}

/** Whether wildcards stand beside at least one byte; `??` alone is taken literally. */
function isWildcard(text: string): boolean {
  return /[?*]/.test(text) && /[^?*\s]/.test(text);
}

function fixedLength(pattern: string): number {
  return pattern.replaceAll('*', '').length;
}

/** Only tags that hold these characters side by side. */
function containing(text: string): BytesPlan {
  const shapes: TagShape[] = [];
  if (!/^[\0-\xff]{1,4}$/.test(text)) return { kind: 'bytes', first: [], shapes };
  for (let start = 0; start + text.length <= 4; start++) {
    shapes.push([0, 1, 2, 3].map(i => text.charCodeAt(i - start)).map(code => (code >= 0 ? code : null)));
  }
  return { kind: 'bytes', first: paddings(text).map(tag => tagId(poolTag(tag))), shapes };
}

/** `?` is any one byte, `*` any run of them; a shorter pattern means tags filled up with blanks or NULs. */
function wildcard(pattern: string): BytesPlan {
  const shapes = new Map<string, TagShape>();
  for (const text of expandStars(pattern)) {
    for (const padded of paddings(text)) {
      shapes.set(
        padded,
        [...padded].map(c => (c === '?' ? null : c.charCodeAt(0))),
      );
    }
  }
  const asEntry = pattern.padEnd(4, ' ');
  return {
    kind: 'bytes',
    first: asEntry.length === 4 ? [patternId(asEntry as TagPattern)] : [],
    shapes: withoutCovered([...shapes.values()]),
  };
}

/** `Nt??` makes `Nt? ` superfluous. */
function withoutCovered(shapes: TagShape[]): TagShape[] {
  return shapes.filter(
    shape =>
      !shapes.some(other => other !== shape && other.every((byte, i) => byte === null || byte === shape[i])),
  );
}

/** `N*s` as `Ns`, `N?s` and `N??s`. */
function expandStars(pattern: string): string[] {
  const [head, ...rest] = pattern.split(/\*+/);
  let texts = [head!];
  const spare = 4 - fixedLength(pattern);
  for (const piece of rest) {
    texts = texts.flatMap(text =>
      Array.from({ length: spare + 1 }, (_, count) => text + '?'.repeat(count) + piece),
    );
    texts = [...new Set(texts)].filter(text => text.length <= 4);
  }
  return texts.filter(text => text !== '');
}

function paddings(text: string): string[] {
  return text.length === 4 ? [text] : [text.padEnd(4, ' '), text.padEnd(4, '\0')];
}

function termsOf(text: string, words: readonly Word[]): TextPlan['terms'] {
  return Array.from(text.matchAll(/\S+/g), ({ 0: term, index }) => ({
    text: term,
    words: words
      .filter(word => word.start >= index && word.end <= index + term.length)
      .map(word => word.text),
  })).filter(term => term.words.length > 0);
}

function namePartsInstead(text: string, words: readonly Word[]): string[] | null {
  const parts = namePartsOf(text);
  if (parts.length === 0) return null;
  const instead = words.flatMap(word => {
    const inside = parts.filter(part => part.start >= word.start && part.end <= word.end);
    return inside.length === 0 ? [word] : inside;
  });
  return instead.slice(0, MAX_QUERY_WORDS).map(word => word.text);
}
