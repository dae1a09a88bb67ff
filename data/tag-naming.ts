/** Makes readable pool tags from the name of a driver, the likeliest first. Whether they are free is for others to say. */
import type { PoolTag } from './pool-tag.ts';

/** A tag that could name a driver's memory. */
export interface TagCandidate {
  tag: PoolTag;
  /** Where its letters come from, after the words "it is": `the first four letters of Contoso`. */
  how: string;
}

/** What a tag of its own is worth having for, with the letter that stands for it. */
export const ALLOCATION_KINDS = [
  { letter: 'B', kind: 'buffers', macro: 'BUFFER' },
  { letter: 'C', kind: 'contexts', macro: 'CONTEXT' },
  { letter: 'L', kind: 'lists', macro: 'LIST' },
  { letter: 'N', kind: 'names', macro: 'NAME' },
  { letter: 'R', kind: 'requests', macro: 'REQUEST' },
  { letter: 'T', kind: 'tables', macro: 'TABLE' },
] as const;

/** What makes a tag a good one, in sentences. */
export const TAG_RULES: readonly string[] = [
  'Exactly four characters: the kernel keeps four bytes, and a C literal of three leaves a NUL at the end that tools show differently.',
  'Every character from 0x20 to 0x7E, as the documentation of ExAllocatePool2 asks; letters and digits alone are safe on every command line.',
  'The C literal is written backwards, because the bytes of a ULONG stand in memory with the lowest first.',
  'One tag for each kind of allocation, so that a leak says what leaks; three letters in common keep them together in PoolMon.',
  'No other spelling of a known tag: neither in other letter case nor backwards.',
  'Free with the same tag that the memory was allocated with.',
];

/** Longer names say nothing more to four letters. */
const MAX_NAME_CHARACTERS = 200;
const MAX_WORDS = 8;
/** Stands in where a name has too few letters. */
const DRIVER = 'Drv';
const ALPHABET = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/**
 * The words of a name: ASCII letters with their marks taken off, split at capitals (`ContosoFilter`), digits last. Empty
 * where a name has neither letters nor digits.
 */
export function wordsOfName(name: string): string[] {
  const plain = name
    .slice(0, MAX_NAME_CHARACTERS)
    .replace(/\.(?:sys|dll|exe)\s*$/i, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '');
  const runs = plain.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g)?.slice(0, MAX_WORDS) ?? [];
  const letters = runs.filter(run => /\D/.test(run)).map(run => run.charAt(0).toUpperCase() + run.slice(1));
  const digits = runs.filter(run => !/\D/.test(run));
  if (runs.length === 0) return [];
  return letters.length === 0 ? [DRIVER, ...digits] : [...letters, ...digits];
}

/** Candidates from {@link wordsOfName}, each once: first those that read like the name, then those with a counter. */
export function candidatesFor(words: readonly string[]): TagCandidate[] {
  if (words.length === 0) return [];
  const all = [...readable(words), ...stemsOf(words).flatMap(counted)];
  const small = all.map(({ tag, how }) => ({
    tag: withSmallFirst(tag),
    how: `${how}, with a small first letter`,
  }));
  const unique = new Map<string, TagCandidate>();
  for (const { tag, how } of [...all, ...small]) {
    // A letter in front: a tag of digits could be taken for a number.
    if (!/^[A-Za-z][A-Za-z0-9]{3}$/.test(tag) || unique.has(tag)) continue;
    unique.set(tag, { tag: tag as PoolTag, how });
  }
  return [...unique.values()];
}

/** Three letters in front of a letter for each of {@link ALLOCATION_KINDS}, the best stem first. */
export function stemsOf(words: readonly string[]): string[] {
  const [first, second = DRIVER] = words;
  const bones = consonants(first);
  const joined = [...words, DRIVER].join('');
  const stems = [
    first.slice(0, 3),
    first.charAt(0) + consonants(second).slice(0, 2),
    bones.slice(0, 3),
    first.slice(0, 2) + second.charAt(0),
    first.charAt(0) + second.slice(0, 2),
    pick(joined, 0, 1, 3),
    pick(joined, 0, 2, 3),
  ];
  return [...new Set(stems.filter(stem => /^[A-Za-z][A-Za-z0-9]{2}$/.test(stem)))];
}

/** `gizm` for `Gizm`: where families cover every tag with the capital. */
export function withSmallFirst(tag: string): string {
  return tag.charAt(0).toLowerCase() + tag.slice(1);
}

/** The name in capitals as part of a macro's name: `CONTOSO`. */
export function macroPrefix(words: readonly string[]): string {
  return words[0].toUpperCase();
}

interface Draft {
  tag: string;
  how: string;
}

function readable(words: readonly string[]): Draft[] {
  const [first, second = ''] = words;
  const bones = consonants(first);
  const initials = words.map(word => word.charAt(0)).join('');
  const drafts: Draft[] = [
    { tag: first.slice(0, 4), how: `the first four letters of ${shown(first)}` },
    { tag: initials.slice(0, 4), how: `the initials of ${shown(...words.slice(0, 4))}` },
    { tag: first.slice(0, 2) + second.slice(0, 2), how: `two letters each of ${shown(first, second)}` },
    { tag: first.charAt(0) + consonants(second).slice(0, 3), how: bonesOf(first, second) },
    { tag: bones.slice(0, 4), how: `the consonants of ${shown(first)}` },
    {
      tag: first.charAt(0) + second.slice(0, 3),
      how: `one letter of ${shown(first)}, three of ${shown(second)}`,
    },
    {
      tag: first.slice(0, 3) + second.charAt(0),
      how: `three letters of ${shown(first)}, one of ${shown(second)}`,
    },
    {
      tag: bones.slice(0, 2) + consonants(second).slice(0, 2),
      how: `two consonants each of ${shown(first, second)}`,
    },
    {
      tag: initials.slice(0, 3) + lastLetter(words),
      how: `initials, and the end of ${shown(words.at(-1)!)}`,
    },
    { tag: first.slice(0, 3) + lastLetter([first]), how: `the beginning and the end of ${shown(first)}` },
    { tag: words.join('').slice(0, 4), how: `the first four letters of ${shown(...words)}` },
    { tag: first.charAt(0) + DRIVER, how: `the initial of ${shown(first)} and ${DRIVER}` },
  ];
  return drafts;
}

function counted(stem: string): Draft[] {
  return ALPHABET.map(last => ({
    tag: stem + last,
    how: `${stem} and ${/\d/.test(last) ? 'a digit' : 'a letter'}`,
  }));
}

function bonesOf(first: string, second: string): string {
  return `the initial of ${shown(first)} and the consonants of ${shown(second)}`;
}

/** Words as a sentence names them; a long one is cut. */
function shown(...words: string[]): string {
  const names = words.map(word => (word.length > 20 ? `${word.slice(0, 20)}...` : word));
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The first letter and the consonants after it: what is left of a word that is still read. */
function consonants(word: string): string {
  return word.charAt(0) + word.slice(1).replace(/[aeiou]/gi, '');
}

function lastLetter(words: readonly string[]): string {
  const last = words.at(-1)!;
  return last.length > 1 ? last.charAt(last.length - 1) : '';
}

function pick(text: string, ...positions: number[]): string {
  return positions.map(position => text.charAt(position)).join('');
}
