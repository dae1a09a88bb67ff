/** A tag as pages show it: blanks visible but copied as blanks, other bytes as `\xE9`. */
import { tagText } from '../../data/pool-tag.ts';

/** One run of characters. */
export interface TagTextPart {
  text: string;
  isBlank: boolean;
  /** An escape for a byte that cannot be printed. */
  isByte: boolean;
}

/** The parts of a tag or wildcard entry (four characters, one per byte), in order. */
export function tagParts(tag: string): TagTextPart[] {
  return [...tag].reduce<TagTextPart[]>((parts, character) => {
    const isBlank = character === ' ';
    const isByte = character < ' ' || character > '~';
    const last = parts.at(-1);
    if (last !== undefined && !isBlank && !isByte && !last.isBlank && !last.isByte) last.text += character;
    else
      parts.push({
        text: isByte ? tagText(character as Parameters<typeof tagText>[0]) : character,
        isBlank,
        isByte,
      });
    return parts;
  }, []);
}

/** The text that a copy button gives; null where the tag has bytes that no text holds. */
export function copyableTag(tag: string): string | null {
  return /^[ -~]{4}$/.test(tag) ? tag : null;
}
