/** LineAnnotator: bytes of a text in, the same bytes out with the owner behind each line that shows a tag. */
import type { PoolTag } from '../../data/pool-tag.ts';
import { lineText } from '../../scanner/snapshots/line-text.ts';
import { TagLines } from '../../scanner/snapshots/tag-lines.ts';

/** What the line is given, without the blanks before it; null where nothing is known. May be asked again for a tag. */
export type Annotate = (tag: PoolTag, isInexact: boolean) => string | null | Promise<string | null>;

type Encoding = 'bytes' | 'utf-8' | 'utf-16le' | 'utf-16be';

/** Lines of print-outs have under 300 characters; a longer one is passed on as it is, and bounds memory. */
const MAX_LINE_BYTES = 64 * 1024;
/** Annotations line up behind lines up to so many columns. */
const MAX_ALIGNED_COLUMN = 160;
/** The column moves in such steps, so that lines of one table that differ a little share it. */
const COLUMN_STEP = 8;
/** Enough of a text to tell its encoding. */
const HEAD_BYTES = 4;
const [LINE_FEED, CARRIAGE_RETURN] = [0x0a, 0x0d];

/**
 * Line ends, encoding and all that stands in the lines stay as they are: nothing is written but what is put behind a
 * line. In UTF-16 and UTF-8 with a byte order mark an annotation is written as it is; elsewhere the encoding is not
 * known for sure, so that it is written in ASCII.
 */
export class LineAnnotator {
  readonly #annotate: Annotate;
  readonly #tagLines = new TagLines();
  #encoding: Encoding | undefined;
  /** Bytes of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  /** What ends a line, once the first one is seen: texts of old tools have carriage returns alone. */
  #lineFeed: number | undefined;
  /** Inside a line that is too long. */
  #isSkipping = false;
  #column = 0;
  /** Lines that were given an annotation. */
  annotated = 0;
  /** Lines that show a tag of which nothing is known. */
  unknown = 0;

  constructor(annotate: Annotate) {
    this.#annotate = annotate;
  }

  /** What can be written by now. */
  async write(chunk: Uint8Array): Promise<Buffer> {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    if (this.#encoding === undefined) {
      if (this.#rest.length < HEAD_BYTES) return Buffer.alloc(0);
      this.#encoding = encodingOf(this.#rest);
    }
    return Buffer.concat(await this.#lines());
  }

  /** The rest. */
  async end(): Promise<Buffer> {
    this.#encoding ??= encodingOf(this.#rest);
    const parts = await this.#lines();
    const last = this.#rest;
    this.#rest = Buffer.alloc(0);
    if (last.length > 0) parts.push(...(this.#isSkipping ? [last] : await this.#line(last, 0)));
    return Buffer.concat(parts);
  }

  /** Takes the whole lines off the rest. */
  async #lines(): Promise<Buffer[]> {
    const parts: Buffer[] = [];
    let start = 0;
    while (true) {
      const end = this.#lineEnd(start);
      if (end < 0) break;
      const line = this.#rest.subarray(start, end);
      if (this.#isSkipping) parts.push(line);
      else parts.push(...(await this.#line(line, this.#endLength(line))));
      this.#isSkipping = false;
      start = end;
    }
    this.#rest = this.#rest.subarray(start);
    // An odd byte waits for its other half.
    const length = this.#rest.length - (this.#unitBytes === 2 ? this.#rest.length % 2 : 0);
    if (length > MAX_LINE_BYTES) {
      parts.push(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      this.#isSkipping = true;
    }
    return parts;
  }

  /** What came out, as text: for a terminal, which takes UTF-8. */
  textOf(bytes: Buffer): string {
    return this.#decode(bytes);
  }

  get #unitBytes(): 1 | 2 {
    return this.#encoding === 'utf-16le' || this.#encoding === 'utf-16be' ? 2 : 1;
  }

  /** Just behind the next line feed; -1 where there is none. */
  #lineEnd(start: number): number {
    if (this.#unitBytes === 1) {
      this.#lineFeed ??= firstLineFeed(this.#rest);
      const at = this.#lineFeed === undefined ? -1 : this.#rest.indexOf(this.#lineFeed, start);
      return at < 0 ? -1 : at + 1;
    }
    for (let at = this.#rest.indexOf(LINE_FEED, start); at >= 0; at = this.#rest.indexOf(LINE_FEED, at + 1)) {
      // Everything before `start` is whole units, so that their bounds are even from there.
      const unit = at - ((at - start) % 2);
      if (unit + 1 < this.#rest.length && this.#unit(this.#rest, unit) === LINE_FEED) return unit + 2;
    }
    return -1;
  }

  /** How many bytes at the end of a line are its line end. */
  #endLength(line: Buffer): number {
    const size = this.#unitBytes;
    const before = line.length - 2 * size;
    return before >= 0 && this.#unit(line, before) === CARRIAGE_RETURN ? 2 * size : size;
  }

  #unit(bytes: Buffer, at: number): number {
    if (this.#unitBytes === 1) return bytes[at];
    return this.#encoding === 'utf-16le' ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  async #line(line: Buffer, endLength: number): Promise<Buffer[]> {
    const text = this.#decode(line.subarray(0, line.length - endLength));
    const found = this.#tagLines.tagOf(text);
    if (found === undefined) {
      // What stands between two tables has a width of its own.
      if (text.trim() !== '') this.#column = 0;
      return [line];
    }
    const asked = this.#annotate(found.tag, found.isInexact);
    // A tag that was asked before needs no turn of the event loop.
    const told = asked instanceof Promise ? await asked : asked;
    if (told === null) {
      this.unknown++;
      return [line];
    }
    this.annotated++;
    const added = this.#encode(`${this.#blanks(text)}<- ${told}`);
    return [line.subarray(0, line.length - endLength), added, line.subarray(line.length - endLength)];
  }

  /** Two blanks at least, and as many as put it below the annotation before it. */
  #blanks(text: string): string {
    const width = columnsOf(text);
    const column = Math.ceil((width + 2) / COLUMN_STEP) * COLUMN_STEP;
    if (column > MAX_ALIGNED_COLUMN) return '  ';
    this.#column = Math.max(this.#column, column);
    return ' '.repeat(this.#column - width);
  }

  #decode(bytes: Buffer): string {
    switch (this.#encoding) {
      case 'utf-16le':
        return bytes.toString('utf16le').replace(/^\ufeff/, '');
      case 'utf-16be':
        return Buffer.from(bytes.subarray(0, bytes.length & ~1))
          .swap16()
          .toString('utf16le')
          .replace(/^\ufeff/, '');
      case 'utf-8':
        return bytes.toString('utf8').replace(/^\ufeff/, '');
      default:
        return lineText(bytes, 0, bytes.length);
    }
  }

  #encode(text: string): Buffer {
    switch (this.#encoding) {
      case 'utf-16le':
        return Buffer.from(text, 'utf16le');
      case 'utf-16be':
        return Buffer.from(text, 'utf16le').swap16();
      case 'utf-8':
        return Buffer.from(text);
      default:
        return Buffer.from(inAscii(text));
    }
  }
}

/** By its byte order mark, or by the zeros that Latin letters have in UTF-16. */
function encodingOf(bytes: Buffer): Encoding {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a !== 0 && b === 0 && c !== 0 && d === 0) return 'utf-16le';
  if (a === 0 && b !== 0 && c === 0 && d !== 0) return 'utf-16be';
  return 'bytes';
}

/** Undefined until it can be told. */
function firstLineFeed(bytes: Buffer): number | undefined {
  const [feed, carriage] = [bytes.indexOf(LINE_FEED), bytes.indexOf(CARRIAGE_RETURN)];
  if (carriage < 0 || (feed >= 0 && feed <= carriage + 1)) return feed < 0 ? undefined : LINE_FEED;
  if (carriage + 1 === bytes.length) return undefined;
  return CARRIAGE_RETURN;
}

/** Where the cursor stands behind the text: a tab goes to the next multiple of eight. */
function columnsOf(text: string): number {
  let column = 0;
  for (const character of text) column = character === '\t' ? column - (column % 8) + 8 : column + 1;
  return column;
}

const ASCII_FOR = new Map([
  ['…', '...'],
  ['–', '-'],
  ['—', '-'],
  ['’', "'"],
  ['·', '.'],
]);

function inAscii(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^ -~]/gu, character => ASCII_FOR.get(character) ?? '?');
}
