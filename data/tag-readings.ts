/** Reads any spelling of a pool tag that people paste, and says which reading was taken. */
import { isPattern as hasWildcard, type TagPattern } from './pool-tag.ts';
import { type TagCandidate, TagCandidates } from './tag-candidates.ts';
import {
  decodeCEscapes,
  decodeHexEscapes,
  decodePercent,
  readHexNumber,
  readSeparatedBytes,
} from './tag-spellings.ts';

export type { TagCandidate } from './tag-candidates.ts';

/**
 * `readings`: never empty, the preferred one first; a later one is meant only where no earlier one is a known tag.
 * `pattern`: the text names several tags and belongs to a search. `problem`: no tag at all, with a message for people.
 */
export type TagReadings =
  | { kind: 'readings'; candidates: TagCandidate[] }
  | { kind: 'pattern'; pattern: TagPattern }
  | { kind: 'problem'; message: string };

/** The longest spelling (percent-encoded escapes, 64-bit hex in quotes) is well below this. */
const MAX_INPUT_CHARACTERS = 200;
/** Quotes, and percent-encoding around them; more is not a spelling but a puzzle. */
const MAX_LAYERS = 4;
/** How much of a wrong input a message repeats. */
const MAX_SHOWN_CHARACTERS = 40;
/** How pages show a blank, and the blanks that word processors put in its place. */
const SHOWN_BLANKS = /[\u00a0\u00b7]/g;

/** All readings of one input, bounded for any input. */
export function tagReadings(input: string): TagReadings {
  if (input.length > MAX_INPUT_CHARACTERS) {
    return problem(input, `it has ${input.length} characters and a tag has at most four`);
  }
  const text = normalised(input);
  const found = new TagCandidates();
  const reader = new SpellingReader(found);
  reader.read(text, [], 0);
  if (reader.pattern !== undefined) return { kind: 'pattern', pattern: reader.pattern };
  const candidates = found.inOrder();
  if (candidates.length > 0) return { kind: 'readings', candidates };
  return problem(input, found.sawZero ? 'its value is zero, which stands for no tag' : objectionTo(text));
}

class SpellingReader {
  pattern: TagPattern | undefined;
  readonly #found: TagCandidates;

  constructor(found: TagCandidates) {
    this.#found = found;
  }

  /** Reads one layer of the text, and what is inside quotes or percent-encoding after it. */
  read(text: string, how: readonly string[], layer: number): void {
    if (layer === MAX_LAYERS) return;
    const trimmed = text.replace(/^ +| +$/g, '');
    if (trimmed === '' && text.length !== 4) return;

    const quoted = /^(["`])([\s\S]+)\1$/.exec(trimmed);
    if (quoted !== null) this.read(quoted[2], how, layer + 1);
    const isExplained = this.#readLiteral(trimmed, how) || this.#readValue(trimmed, how) || quoted !== null;

    if (readHexNumber(trimmed)?.ulong === 0) return;
    if (!isExplained && this.#readPattern(text, trimmed)) return;
    if (fits(text)) this.#readText(text, how, isExplained);
    if (text !== trimmed && fits(trimmed)) this.#readText(trimmed, how, isExplained || fits(text));
    if (!isExplained) this.#readEscapes(text, trimmed, how);
    for (const decoded of decodePercent(trimmed)) {
      this.read(normalised(decoded), [...how, 'percent-encoded'], layer + 1);
    }
  }

  /** `'erhT'`, the multi-character constant of C; people also put a plain tag into single quotes. */
  #readLiteral(trimmed: string, how: readonly string[]): boolean {
    const body = /^[LuU]?'([\s\S]+)'$/.exec(trimmed)?.[1];
    if (body === undefined) return false;
    const characters = decodeCEscapes(body);
    if (characters !== undefined && fits(characters)) {
      this.#found.addValue(reversed(characters), [...how, 'source literal']);
      this.#found.addText(characters, [...how, 'text in single quotes'], true);
    }
    return true;
  }

  #readValue(trimmed: string, how: readonly string[]): boolean {
    const number = readHexNumber(trimmed);
    if (number !== undefined) {
      if (number.ulong === undefined) return true;
      const bigEndian = number.ulong.toString(16).padStart(8, '0').match(/../g)!;
      const inMemory = String.fromCharCode(...bigEndian.map(pair => Number.parseInt(pair, 16)));
      this.#found.addValue(reversed(inMemory), [...how, 'ULONG']);
      this.#found.addValue(inMemory, [...how, 'bytes in memory order'], true);
      return true;
    }
    const bytes = readSeparatedBytes(trimmed);
    if (bytes !== undefined) this.#found.addValue(bytes, [...how, 'bytes in memory order']);
    return bytes !== undefined;
  }

  #readPattern(text: string, trimmed: string): boolean {
    const pattern = (fits(text) ? text : trimmed).replace(/\*+( *)$/, '*$1');
    if (!fits(pattern) || !hasWildcard(pattern)) return false;
    this.pattern ??= pattern.padEnd(4) as TagPattern;
    return true;
  }

  /** One to four characters as they stand, and backwards as a C literal that lost its quotes. */
  #readText(text: string, how: readonly string[], isLater: boolean): void {
    const withBlanks = text.replace(SHOWN_BLANKS, ' ');
    if (withBlanks !== text && withBlanks.trim() !== '') {
      this.#found.addText(withBlanks, [...how, 'blanks shown as dots'], isLater);
    }
    this.#found.addText(text, how, isLater);
    this.#found.addText(reversed(withBlanks), [...how, 'reversed'], true);
  }

  /** `Caf\xE9`, `Io\0\0`: bytes that no keyboard has. */
  #readEscapes(text: string, trimmed: string, how: readonly string[]): void {
    for (const decoded of [
      decodeHexEscapes(text),
      decodeHexEscapes(trimmed),
      decodeCEscapes(trimmed) ?? trimmed,
    ]) {
      if (decoded === text || decoded === trimmed || !fits(decoded)) continue;
      this.#found.addText(decoded, [...how, 'escaped bytes'], fits(text));
    }
  }
}

/** One to four characters, each of which is one byte. */
function fits(text: string): boolean {
  return /^[\0-\xff]{1,4}$/.test(text);
}

function reversed(characters: string): string {
  return [...characters].reverse().join('');
}

/** Typographic quotes and blanks as the plain ones; without line ends, invisible characters and `!pool`'s remark. */
function normalised(input: string): string {
  return input
    .replace(/[\u200b-\u200f\u2060\ufeff]/g, '')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/[\u2000-\u200a\u202f\u205f\u2420\u2422\u2423\u3000]/g, ' ')
    .replace(/^[\t\r\n]+|[\t\r\n]+$/g, '')
    .replace(/ +\(Protected\) *$/i, '');
}

function objectionTo(text: string): string {
  if (text.trim() === '') return 'it is empty';
  const tooWide = [...text].find(character => character > '\xff');
  if (tooWide !== undefined && [...text].length <= 4) {
    const code = tooWide.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `each character of a tag is one byte, and U+${code} is not`;
  }
  if (readHexNumber(text.trim()) !== undefined) return 'the value of a tag has at most 32 bits';
  if (/^'[\s\S]*'$/.test(text.trim()))
    return 'between the quotes it has more than four characters, or a broken escape';
  return `it has ${[...text].length} characters and a tag has at most four`;
}

function problem(input: string, objection: string): TagReadings {
  const spellings =
    "Write one to four characters (Thre), the literal of the C source ('erhT') or the value (0x65726854).";
  return { kind: 'problem', message: `${shown(input)} is not a pool tag: ${objection}. ${spellings}` };
}

/** The input in quotes, cut, with everything that could disturb a terminal or a page as an escape. */
function shown(input: string): string {
  const cut = [...input.slice(0, MAX_SHOWN_CHARACTERS + 1)].slice(0, MAX_SHOWN_CHARACTERS).join('');
  const safe = cut.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, character => {
    const code = character.codePointAt(0)!.toString(16).toUpperCase();
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
  return `"${safe}${cut.length < input.length ? '...' : ''}"`;
}
