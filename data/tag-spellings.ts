/** The encodings a tag may be written in: C escapes, percent-encoding, hex numbers, bytes with separators. */
import { PROTECTED_BIT } from './pool-tag.ts';

const NAMED_ESCAPES = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
]);

/** The characters of a C literal's body (without its quotes), escapes resolved; undefined where an escape is malformed. */
export function decodeCEscapes(body: string): string | undefined {
  let isValid = true;
  const text = body.replace(/\\(x[0-9a-f]{1,2}|[0-7]{1,3}|[\s\S]|$)/gi, (_whole, code: string) => {
    if (/^x./i.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    const named = NAMED_ESCAPES.get(code);
    if (named === undefined && !/^['"?\\]$/.test(code)) isValid = false;
    return named ?? code;
  });
  return isValid ? text : undefined;
}

/** The text with every `\xE9` resolved, as the pages and the command print bytes that are not printable. */
export function decodeHexEscapes(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/gi, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** What percent-encoded text may stand for, as UTF-8 first and then byte for byte; empty where a `%` is malformed. */
export function decodePercent(text: string): string[] {
  if (!text.includes('%') || /%(?![0-9a-f]{2})/i.test(text)) return [];
  const bytes = text.replace(/%(..)/g, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return [decodeURIComponent(text), bytes];
  } catch {
    return [bytes];
  }
}

/** A number that is hexadecimal by its spelling, and whether it was marked as one. */
export interface HexNumber {
  /** 0 to 0xFFFFFFFF; undefined where the number does not fit a ULONG. */
  ulong: number | undefined;
  digits: string;
  /** False for eight bare digits, which may also be the bytes as they stand in memory. */
  isMarked: boolean;
}

/**
 * Reads `0x65726854` (any case, C suffixes), `65726854h`, `65726854`, and the 64-bit forms of debuggers and DTrace:
 * sixteen digits, with or without a backtick in the middle, zero- or sign-extended.
 */
export function readHexNumber(text: string): HexNumber | undefined {
  const joined = text.replace(/^((?:0x)?[0-9a-f]{8})`([0-9a-f]{8})$/i, '$1$2');
  const marked = /^0x([0-9a-f]+)[ul]{0,3}$/i.exec(joined) ?? /^([0-9a-f]{4,})h$/i.exec(joined);
  const digits = marked?.[1] ?? /^(?:[0-9a-f]{8}|[0-9a-f]{16})$/i.exec(joined)?.[0];
  if (digits === undefined) return undefined;
  const significant = digits.replace(/^0+(?=.)/, '');
  const low = Number.parseInt(digits.slice(-8), 16);
  const isSignExtended = /^f{8}[89a-f]/i.test(digits) && digits.length === 16 && low >= PROTECTED_BIT;
  return {
    ulong: significant.length <= 8 || isSignExtended ? low : undefined,
    digits,
    isMarked: marked !== null,
  };
}

/** `54 68 72 65`, `54-68-72-65`, `54:68:72:65` or `54,68,72,65` as four characters in that order. */
export function readSeparatedBytes(text: string): string | undefined {
  const bytes = /^([0-9a-f]{2})([ :,-])([0-9a-f]{2})\2([0-9a-f]{2})\2([0-9a-f]{2})$/i.exec(text);
  if (bytes === null) return undefined;
  return String.fromCharCode(...[1, 3, 4, 5].map(group => Number.parseInt(bytes[group], 16)));
}
