/** Bytes of a text file as a string, whatever Windows tool wrote it. */

/** How the bytes were read. */
export type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';

/** How many bytes are looked at to recognise UTF-16 that has no byte order mark. */
const PROBE_BYTES = 2048;

/**
 * Decodes by byte order mark, then by content: UTF-16 where every second byte is mostly NUL, UTF-8 where all of it is
 * valid, else latin1, which gives each byte its own character. Never fails.
 */
export function decodeText(bytes: Uint8Array): { text: string; encoding: TextEncoding } {
  const encoding = encodingOf(bytes);
  if (encoding !== 'utf-8') return { text: decodeAs(bytes, encoding), encoding };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding };
  } catch {
    return { text: decodeAs(bytes, 'latin1'), encoding: 'latin1' };
  }
}

/** What the beginning of a text shows of its encoding; `utf-8` where it is not UTF-16, so that it may be latin1 as well. */
export function encodingOf(bytes: Uint8Array): Exclude<TextEncoding, 'latin1'> {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  let evenNuls = 0;
  let oddNuls = 0;
  const probed = Math.min(bytes.length, PROBE_BYTES);
  for (let i = 0; i < probed; i++) {
    if (bytes[i] === 0) i % 2 === 0 ? evenNuls++ : oddNuls++;
  }
  const most = probed * 0.3;
  if (oddNuls > most && evenNuls <= probed * 0.1) return 'utf-16le';
  if (evenNuls > most && oddNuls <= probed * 0.1) return 'utf-16be';
  return 'utf-8';
}

function decodeAs(bytes: Uint8Array, encoding: Exclude<TextEncoding, 'utf-8'>): string {
  // TextDecoder's latin1 is windows-1252, which does not keep one byte as one character.
  if (encoding === 'latin1')
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return new TextDecoder(encoding).decode(bytes);
}

/** The lines of a text with their numbers from 1; a line ends with LF, CR LF or CR, and the last one needs none. */
export function* linesOf(text: string): Generator<{ number: number; line: string }> {
  const end = /\r\n|\n|\r/g;
  let start = 0;
  for (let number = 1; start < text.length; number++) {
    const found = end.exec(text);
    yield { number, line: text.slice(start, found?.index ?? text.length) };
    if (found === null) return;
    start = end.lastIndex;
  }
}
