/** TextLines: bytes of a text in pieces of any size, given out as lines, each with its number. */

import { encodingOf } from '../../data/decode-text.ts';

/** What is given for each line: its bytes are `bytes` from `start` to `end`, without the line end. */
export interface LineSink {
  onLine(bytes: Uint8Array, start: number, end: number, number: number): void;
  /** A line was longer than its bound; what came before the cut is given as a line. */
  onCut(number: number, limit: number): void;
}

/** How many bytes are looked at before anything is given out: enough to tell the encoding and the line ends. */
const PROBE_BYTES = 2048;
/** PoolMon's widest row has 200 characters; Perfmon's title line names each process. */
const MAX_LINE_BYTES = 256 * 1024;
/** One snapshot of `pooltag watch` is one line: 50 bytes for each of up to 100,000 tags. */
const MAX_JSON_LINE_BYTES = 8 * 1024 * 1024;
const LF = 10;
const CR = 13;
const MARKUP = 0x3c;
const OBJECT = 0x7b;
const NONE = -1;
const ROOM = 64 * 1024;

/**
 * UTF-16 (by its mark, or where every second byte is mostly NUL) is turned into UTF-8; all else is given as it is.
 * Lines end with LF, with or without CR before it; where the text begins without any LF, with CR alone.
 */
export class TextLines {
  readonly #sink: LineSink;
  /** Bytes that are not given out yet: the beginning of the text, or of a line. */
  #held = new Uint8Array(ROOM);
  #heldBytes = 0;
  #isProbed = false;
  #decoder: TextDecoder | undefined;
  #encoder = new TextEncoder();
  #lineEnd = LF;
  #number = 1;
  /** The rest of a line that was cut is passed over. */
  #isSkipping = false;
  /** What the line that is held begins with, blanks left out. */
  #first = NONE;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  write(chunk: Uint8Array): void {
    if (this.#isProbed) {
      this.#take(this.#inUtf8(chunk));
      return;
    }
    const probed = Math.min(chunk.length, PROBE_BYTES - this.#heldBytes);
    this.#hold(chunk, 0, probed);
    if (this.#heldBytes < PROBE_BYTES) return;
    this.#probe();
    this.#take(this.#inUtf8(chunk.subarray(probed)));
  }

  end(): void {
    if (!this.#isProbed) this.#probe();
    if (this.#decoder !== undefined) this.#take(this.#encoder.encode(this.#decoder.decode()));
    if (this.#heldBytes > 0 && !this.#isSkipping) this.#give(this.#held, 0, this.#heldBytes);
    this.#heldBytes = 0;
  }

  #probe(): void {
    this.#isProbed = true;
    const all = this.#held.subarray(0, this.#heldBytes);
    this.#held = new Uint8Array(ROOM);
    this.#heldBytes = 0;
    const encoding = encodingOf(all);
    if (encoding !== 'utf-8') this.#decoder = new TextDecoder(encoding);
    const text = this.#inUtf8(all);
    const probed = text.subarray(0, PROBE_BYTES / 2);
    if (probed.indexOf(LF) === -1 && probed.subarray(0, -1).indexOf(CR) !== -1) this.#lineEnd = CR;
    this.#take(hasUtf8Mark(text) ? text.subarray(3) : text);
  }

  #inUtf8(chunk: Uint8Array): Uint8Array {
    if (this.#decoder === undefined) return chunk;
    return this.#encoder.encode(this.#decoder.decode(chunk, { stream: true }));
  }

  #take(bytes: Uint8Array): void {
    let start = 0;
    if (this.#heldBytes > 0 || this.#isSkipping) {
      const found = bytes.indexOf(this.#lineEnd);
      const end = found === -1 ? bytes.length : found;
      this.#holdPart(bytes, 0, end);
      if (found === -1) return;
      this.#giveHeld();
      this.#number++;
      start = end + 1;
    }
    for (;;) {
      const end = bytes.indexOf(this.#lineEnd, start);
      if (end === -1) break;
      if (end - start >= MAX_LINE_BYTES) {
        this.#holdPart(bytes, start, end);
        this.#giveHeld();
      } else this.#give(bytes, start, end);
      this.#number++;
      start = end + 1;
    }
    this.#holdPart(bytes, start, bytes.length);
  }

  /** Keeps part of a line, within the bound of its kind. */
  #holdPart(bytes: Uint8Array, from: number, to: number): void {
    for (let start = from; start < to && !this.#isSkipping; ) {
      if (this.#first === NONE) this.#first = firstSolid(bytes, start, to);
      const limit = this.#first === OBJECT ? MAX_JSON_LINE_BYTES : MAX_LINE_BYTES;
      const end = Math.min(to, start + limit - this.#heldBytes);
      this.#hold(bytes, start, end);
      start = end;
      if (this.#heldBytes >= limit) this.#cut(limit);
    }
  }

  /** Markup may come as one line that has no end: it is given in pieces that end with a tag. */
  #cut(limit: number): void {
    const kept = this.#held.subarray(0, this.#heldBytes);
    const tagEnd = this.#first === MARKUP ? kept.lastIndexOf(0x3e) + 1 : 0;
    if (tagEnd > 0) {
      this.#give(kept, 0, tagEnd);
      const rest = kept.slice(tagEnd);
      this.#heldBytes = 0;
      this.#hold(rest, 0, rest.length);
      return;
    }
    this.#give(kept, 0, kept.length);
    this.#sink.onCut(this.#number, limit);
    this.#heldBytes = 0;
    this.#isSkipping = true;
  }

  /** The line ends: what was kept of it is given, unless it was cut. */
  #giveHeld(): void {
    if (!this.#isSkipping) this.#give(this.#held, 0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#isSkipping = false;
    this.#first = NONE;
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#heldBytes + end - start;
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.max(needed, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(bytes.subarray(start, end), this.#heldBytes);
    this.#heldBytes = needed;
  }

  #give(bytes: Uint8Array, start: number, end: number): void {
    let last = end;
    if (this.#lineEnd === LF) while (last > start && bytes[last - 1] === CR) last--;
    this.#sink.onLine(bytes, start, last, this.#number);
  }
}

function firstSolid(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] > 0x20) return bytes[i];
  return NONE;
}

function hasUtf8Mark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
