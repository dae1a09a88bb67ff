/** Splits text into the words that a search compares: at punctuation, and inside names such as `ObDereferenceObject`. */

/** A word as it is compared, and where it stood: `start` and `end` are UTF-16 positions in the text. */
export interface Word {
  /** Lower case, without accents, at most MAX_WORD_LENGTH characters. */
  text: string;
  start: number;
  end: number;
}

/** No name that people type is longer; what is longer (a hash, an attack) is compared by its beginning. */
const MAX_WORD_LENGTH = 64;

/** Chinese and Japanese are written without blanks, so each of their characters is a word of its own. */
const WORD =
  /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]|(?:(?![\p{sc=Han}\p{sc=Hira}\p{sc=Kana}])[\p{L}\p{N}\p{M}])+/gu;

/** `IRPStack` is IRP and Stack, `HTTPServer2` is HTTP, Server and 2. */
const PART = /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+|\p{Lu}+|\p{N}+|[\p{L}\p{M}]+/gu;

const ASCII = /^[\0-\x7f]*$/;

/** The words of a text in order: `nt!ObReferenceObject` gives `nt` and `obreferenceobject`. */
export function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(WORD), match => wordAt(match[0], match.index));
}

/**
 * The parts of the names in a text, where a name has more than one: `nt!ObReferenceObject` gives `ob`, `reference`,
 * `object`. Single letters are left out, they would only be noise.
 */
export function namePartsOf(text: string): Word[] {
  const parts: Word[] = [];
  for (const word of text.matchAll(WORD)) {
    const found = word[0].match(PART);
    if (found === null || found.length < 2) continue;
    for (const part of word[0].matchAll(PART)) {
      if (part[0].length > 1 || /\p{N}/u.test(part[0])) {
        parts.push(wordAt(part[0], word.index + part.index));
      }
    }
  }
  return parts;
}

/** Lower case without accents, as words are compared; other text for one look (`É` and `e` alike). */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

function wordAt(raw: string, start: number): Word {
  return { text: foldText(raw).slice(0, MAX_WORD_LENGTH), start, end: start + raw.length };
}
