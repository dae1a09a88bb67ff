/** Where in a row of PoolMon the tag is, when the row may be shifted, flattened or quoted. */
import { type ShownTag, shownTag } from './printed-text.ts';

/** A mark, a blank, four characters and a blank. */
const QUOTED_CHARACTERS = 7;

/** How many characters before a line quote it, as mail programs do; 0 where none do. */
export function quotationOf(line: string): number {
  return /^(?:[>|] ?){0,8}(?<=[>|] ?)/.exec(line)?.[0].length ?? 0;
}

/**
 * The tag in what stands before the pool's name. `column` is where the title has its word Tag; undefined without a
 * title. Blanks are part of a tag, so position decides; only where other text stands around it, the last word does.
 */
export function tagBeforePool(before: string, column: number | undefined): ShownTag | undefined {
  const quotation = quotationOf(before);
  const unquoted = before.slice(quotation);
  // `> Io` may be a tag, but what is wider than a tag and a blank after it is a quoted row.
  const isQuoted = quotation > 0 && before.length >= QUOTED_CHARACTERS;
  const tag = isQuoted ? aligned(unquoted, column) : (aligned(before, column) ?? aligned(unquoted, column));
  if (tag !== undefined) return tag;
  // A prompt, a number or a quotation mark before the row.
  const word = /(?:^|\s)(\S{1,4})$/.exec(before.trimEnd());
  return word === null ? undefined : shownTag(word[1]);
}

function aligned(before: string, column: number | undefined): ShownTag | undefined {
  const text = before.replaceAll('\t', ' ');
  const start = startOf(text, column);
  // Narrower than tag and blank: a forum has made one blank of several.
  const isFlattened = text.length < start + 5;
  const tag = isFlattened ? text.trim() : text.slice(start, start + 4);
  if (text.slice(0, start).trim() !== '' || (!isFlattened && text.slice(start + 4).trim() !== ''))
    return undefined;
  return shownTag(tag);
}

function startOf(text: string, column: number | undefined): number {
  if (text[0] !== ' ') return 0;
  if (column === undefined) return text.length >= 6 ? 1 : 0;
  if (column > 0) return text.slice(0, column).trim() === '' ? column : 0;
  // The title lost its leading blank where it was copied from, the rows did not.
  return text.length === 6 && text[1] !== ' ' ? 1 : 0;
}
