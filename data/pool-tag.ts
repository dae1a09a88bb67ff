/** PoolTag: the four bytes of a Windows kernel pool tag, kept in memory order and never trimmed. */

/** Always four characters, one per byte (latin1), in the order they stand in memory: `'CM  '`, `'Thre'`. */
export type PoolTag = string & { readonly __brand: 'PoolTag' };
/** A wildcard entry of a tag list or a computed family, padded to four: `'Afd?'`. `?` stands for any one byte. */
export type TagPattern = string & { readonly __brand: 'TagPattern' };

/** PROTECTED_POOL: bit 31 of the ULONG, which the pool strips from the name before it is shown. */
export const PROTECTED_BIT = 0x80000000;

/** Four characters (latin1, one per byte) as a PoolTag; anything else is a fault of the caller. */
export function poolTag(fourCharacters: string): PoolTag {
  if (!/^[\0-\xff]{4}$/.test(fourCharacters)) {
    throw new RangeError(
      `A pool tag has exactly four one-byte characters, not ${JSON.stringify(fourCharacters)}.`,
    );
  }
  return fourCharacters as PoolTag;
}

/** The tag whose little-endian ULONG is `ulong` (0 to 0xFFFFFFFF): 0x65726854 is `Thre`. Bit 31 is kept. */
export function tagFromUlong(ulong: number): PoolTag {
  return String.fromCharCode(
    ulong & 0xff,
    (ulong >>> 8) & 0xff,
    (ulong >>> 16) & 0xff,
    ulong >>> 24,
  ) as PoolTag;
}

/** The ULONG a driver passes for this tag, 0 to 0xFFFFFFFF. */
export function tagToUlong(tag: string): number {
  return (
    (tag.charCodeAt(0) | (tag.charCodeAt(1) << 8) | (tag.charCodeAt(2) << 16) | (tag.charCodeAt(3) << 24)) >>>
    0
  );
}

/** The big-endian reading, which sorts as the bytes do. */
export function tagToBigEndian(tag: string): number {
  return (
    ((tag.charCodeAt(0) << 24) | (tag.charCodeAt(1) << 16) | (tag.charCodeAt(2) << 8) | tag.charCodeAt(3)) >>>
    0
  );
}

/** Hex of the four bytes in memory order: `Ntfs` is `4e746673`. The identity used in every index. */
export function tagId(tag: PoolTag): string {
  return tagToBigEndian(tag).toString(16).padStart(8, '0');
}

/** The id of a wildcard entry: `p-` and the hex of its four characters, so that no tag can share it. */
export function patternId(pattern: TagPattern): string {
  return `p-${tagToBigEndian(pattern).toString(16).padStart(8, '0')}`;
}

/** The tag of an id made by {@link tagId}; undefined for anything else. */
export function tagFromId(id: string): PoolTag | undefined {
  if (!/^[0-9a-f]{8}$/.test(id)) return undefined;
  const bytes = id.match(/../g)!.map(pair => Number.parseInt(pair, 16));
  return String.fromCharCode(...bytes) as PoolTag;
}

/** `0x65726854`: the ULONG as C and the debugger write it, always eight digits. */
export function tagUlongText(tag: PoolTag): string {
  return `0x${tagToUlong(tag).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** `54 68 72 65`: the bytes in memory order. */
export function tagBytesText(tag: PoolTag): string {
  return tagId(tag).toUpperCase().match(/../g)!.join(' ');
}

/** `'erhT'`: the multi-character constant that C source gives for this tag (NULs at the end shorten it). */
export function tagLiteral(tag: PoolTag): string {
  const meaningful = tag.replace(/\0+$/, '');
  const body = [...(meaningful === '' ? '\0' : meaningful)].reverse().map(escapeForC).join('');
  return `'${body}'`;
}

/** Octal, because C ends it after three digits; `\xE9` would swallow a following `a`. */
function escapeForC(character: string): string {
  if (character === "'" || character === '\\') return `\\${character}`;
  const byte = character.charCodeAt(0);
  return isPrintable(byte) ? character : `\\${byte.toString(8).padStart(3, '0')}`;
}

/** For people: printable bytes as they are, blanks as blanks, every other byte as `\xE9`. */
export function tagText(tag: PoolTag | TagPattern): string {
  if (/^[ -~]*$/.test(tag)) return tag;
  return [...tag].map(c => (isPrintable(c.charCodeAt(0)) ? c : `\\x${hexByte(c)}`)).join('');
}

/**
 * The path segment of a tag's page and REST address, ready for a URL: `Thre`, or `0x20204D43` where plain text
 * would be awkward. Bit 31 of a ULONG is read as PROTECTED_POOL, so a tag whose last byte has it is escaped.
 */
export function tagPathSegment(tag: PoolTag): string {
  if (/^(?!0x)[a-z0-9_][a-z0-9_.-]{3}$/i.test(tag)) return tag;
  if (tagToUlong(tag) < PROTECTED_BIT) return tagUlongText(tag);
  return encodeURIComponent(tag.replace(/[^A-Za-z0-9]/g, character => `\\x${hexByte(character)}`));
}

/** Whether all four bytes are 0x20..0x7E once PROTECTED_POOL is masked and the tag is not zero: what the Ex functions allow. */
export function isNameableUlong(ulong: number): boolean {
  const masked = ulong & ~PROTECTED_BIT;
  return (
    masked !== 0 &&
    isPrintable(masked & 0xff) &&
    isPrintable((masked >>> 8) & 0xff) &&
    isPrintable((masked >>> 16) & 0xff) &&
    isPrintable(masked >>> 24)
  );
}

/**
 * Two or three characters of [A-Za-z0-9_], the rest NULs: what a shorter literal in C becomes (`'xr'` is 0x00007872). The Ex
 * functions take it, and tools print the NULs as blanks.
 */
export function isShortTagUlong(ulong: number): boolean {
  return /^\w{2,3}\0{1,2}$/.test(tagFromUlong((ulong & ~PROTECTED_BIT) >>> 0));
}

/** Whether the text names several tags: `?` is a wildcard wherever it stands in a list, so is a closing `*`. */
export function isPattern(fourCharacters: string): boolean {
  return fourCharacters.includes('?') || endsInStar(fourCharacters);
}

/** Whether a wildcard entry covers a tag. `?` is any one byte; a closing `*` any rest. */
export function patternCovers(pattern: TagPattern | string, tag: PoolTag): boolean {
  const fixed = fixedPart(pattern);
  for (let i = 0; i < fixed.length; i++) {
    if (fixed[i] !== '?' && fixed[i] !== tag[i]) return false;
  }
  return true;
}

/** How many characters a pattern fixes: the entry that fixes more is the more specific one. */
export function patternSpecificity(pattern: TagPattern | string): number {
  return [...fixedPart(pattern)].filter(c => c !== '?').length;
}

/** All four characters, or those before a closing `*` (blanks after it are padding). */
function fixedPart(pattern: string): string {
  return endsInStar(pattern) ? pattern.slice(0, pattern.lastIndexOf('*')) : pattern;
}

function endsInStar(text: string): boolean {
  return /\* {0,3}$/.test(text);
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}

function hexByte(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
}
