/** Text out of a print-out, made fit to be kept: tags of four one-byte characters, owners without tricks. */
import type { PoolTag } from '../../data/pool-tag.ts';
import { printableText } from '../pe/printable-text.ts';

/** The longest text on an owner that is kept; PoolMon's own column ends far earlier. */
const MAX_OWNER_CHARACTERS = 200;
/** How much of a line a remark shows. */
const MAX_QUOTED_CHARACTERS = 60;

/** What a line shows of a tag. */
export interface ShownTag {
  tag: PoolTag;
  /** A character was not one byte, or the tool prints dots for bytes that it cannot show. */
  isInexact: boolean;
}

/**
 * A tag as printed, filled with blanks to four characters; undefined where it is blank or longer. A character that is
 * not one byte came out of a conversion that cannot be undone: `?` stands for it.
 */
export function shownTag(text: string, hasDots = false): ShownTag | undefined {
  if (text.length === 0 || text.length > 4 || text.trim() === '') return undefined;
  const bytes = text.replace(/[^\0-\xff]/g, '?');
  return {
    tag: bytes.padEnd(4, ' ') as PoolTag,
    isInexact: bytes !== text || (hasDots && text.includes('.')),
  };
}

/**
 * What a tool says of an owner as one text: `[ipsec][ipsec.sys  -  event queue]` is `ipsec, ipsec.sys - event queue`.
 * Undefined where it says that it knows none.
 */
export function ownerText(printed: string): string | undefined {
  const text = printableText(printed.replace(/[\t\xa0]/g, ' '), MAX_OWNER_CHARACTERS)
    .replace(/\]\s?\[/g, ', ')
    .replace(/^\[|\]$/g, '')
    .replace(/ {2,}/g, ' ')
    .trim();
  return text === '' || /^unknown (?:driver|pooltag)/i.test(text) ? undefined : text;
}

/** The beginning of a text for a remark, in quotes. */
export function quoted(text: string): string {
  // A line may have megabytes: nothing here looks at all of it.
  const beginning = text.slice(0, 4 * MAX_QUOTED_CHARACTERS).trim();
  const shown = printableText(beginning, MAX_QUOTED_CHARACTERS);
  return `"${shown}${beginning.length > MAX_QUOTED_CHARACTERS ? '...' : ''}"`;
}
