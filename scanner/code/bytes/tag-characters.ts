/** What reads like a tag. */

/** By byte: 1 for a character of [A-Za-z0-9_]. */
export const IS_WORD = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(/^\w$/.test(String.fromCharCode(byte))),
);

/** Three or more characters of [A-Za-z0-9_], the rest blanks or NULs at the end: data that is meant as a tag. */
export function looksLikeTag(value: number): boolean {
  let words = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    const byte = (value >>> shift) & (shift === 24 ? 0x7f : 0xff);
    if (IS_WORD[byte] === 1) words++;
    else if (byte !== 0x20 && !(byte === 0 && shift === 24)) return false;
  }
  return words >= 3;
}
