/** The text of a line's bytes: UTF-8 where they are valid UTF-8, else latin1, each byte a character of its own. */

const decoder = new TextDecoder('utf-8');

/** Below this, NULs may be those of a tag. */
const MIN_UTF16_CHARACTERS = 12;

/**
 * A line of UTF-16 within a text of another encoding, as PowerShell appends it to a file of cmd, without the NULs that
 * make half of it; any other line as it is.
 */
export function withoutUtf16Nuls(text: string): string {
  if (text.length < MIN_UTF16_CHARACTERS || !text.includes('\0')) return text;
  const plain = text.replaceAll('\0', '');
  const isHalf = plain.length <= text.length * 0.6 && plain.length >= text.length * 0.4;
  return isHalf ? plain.replace(/^\xff\xfe/, '').replace(/\r$/, '') : text;
}

/**
 * Decided line by line, because logs are put together of pieces from several tools. A tag with bytes above 0x7F in a
 * latin1 text thus stays what it is, unless these bytes happen to be valid UTF-8.
 */
export function lineText(bytes: Uint8Array, start: number, end: number): string {
  const part = bytes.subarray(start, end);
  return isUtf8(part) ? decoder.decode(part) : latin1(part);
}

/** A text as bytes, one for each character; those that do not fit in a byte are 0xFF. */
export function byteOfEachCharacter(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    bytes[i] = code > 0xff ? 0xff : code;
  }
  return bytes;
}

function isUtf8(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i++];
    if (byte < 0x80) continue;
    const more =
      byte >= 0xc2 && byte < 0xe0 ? 1 : byte >= 0xe0 && byte < 0xf0 ? 2 : byte >= 0xf0 && byte < 0xf5 ? 3 : 0;
    if (more === 0 || i + more > bytes.length) return false;
    const next = bytes[i];
    if (byte === 0xe0 && next < 0xa0) return false;
    if (byte === 0xed && next > 0x9f) return false;
    if (byte === 0xf0 && next < 0x90) return false;
    if (byte === 0xf4 && next > 0x8f) return false;
    for (let k = 0; k < more; k++) if ((bytes[i++] & 0xc0) !== 0x80) return false;
  }
  return true;
}

/** TextDecoder's latin1 is windows-1252, which does not keep one byte as one character. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}
