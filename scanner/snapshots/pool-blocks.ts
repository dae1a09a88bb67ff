/** Reads blocks of pool one by one: the debugger's `!pool` and `!poolfind`. */
import type { FormatReader } from './format-reader.ts';
import type { Pool, PoolBlock } from './pool-snapshot.ts';
import { hexNumber } from './printed-number.ts';
import { quoted, shownTag } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const PAGE = /^\s*Pool page ([0-9a-f`]{8,17}) region is (.{1,60}?)\s*$/i;
const SEARCHING =
  /^\s*(?:Searching (\S{1,20}) ?pool|Scanning large pool allocation table) ?.{0,200}? for Tag: ?/i;
const BLOCK =
  /^\s*\*?\s?([0-9a-f`]{8,17})\s+size:\s+([0-9a-f]{1,8})\s+previous size:\s+([0-9a-f]{1,8})\s+(\([A-Za-z][^)]{0,20}\))/i;
/** Blocks of a page and more, and all blocks of newer debuggers' `!poolfind`. */
const LARGE =
  /^\s*\*?\s?([0-9a-f`]{8,17})\s{0,4}:\s{1,4}(?:large page allocation, )?tag (?:is )?(.{4}), size\s+(?:is )?0x([0-9a-f]{1,16})(?: bytes)?(.{0,200})$/i;
/** `(Allocated) ` with the marker behind it, whose width shorter words are filled to. */
const STATE_CHARACTERS = 11;

export class PoolBlocks implements FormatReader {
  readonly #session: ReadSession;
  #pool: Pool | undefined;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    const page = PAGE.exec(line);
    if (page !== null) {
      this.#session.begin('pool-page');
      this.#pool = poolNamed(page[2]);
      return true;
    }
    const searching = SEARCHING.exec(line);
    if (searching === null) return false;
    this.#session.ensure('poolfind');
    this.#pool = poolNamed(searching[1] ?? '');
    return true;
  }

  plainRow(line: string): boolean {
    return this.#take(line);
  }

  row(line: string): boolean {
    if (/terminating - searched pool to/i.test(line)) {
      this.#session.remark('The search of the pool ended early: there may be more blocks than are listed.');
      return true;
    }
    if (/^\s*(?:Owning component :|Pooltag .{4} ?:)/.test(line)) return true;
    if (!/^\s*\*?\s?[0-9a-f`]{8,17}\s+size:/i.test(line)) return false;
    this.#session.remark(`This block of pool cannot be read: ${quoted(line)}.`);
    return true;
  }

  loneRow(line: string): boolean {
    if (!BLOCK.test(line) && !LARGE.test(line)) return false;
    this.#session.begin('pool-page');
    this.#pool = undefined;
    return this.#take(line);
  }

  #take(line: string): boolean {
    const block = BLOCK.exec(line);
    if (block === null) return this.#takeLarge(line);
    const stateStart = block[0].length - block[4].length;
    const { tag, rest } = tagBehind(line, stateStart, block[0].length);
    const shown = shownTag(tag);
    if (shown === undefined) return false;
    this.#add(shown.tag, block[1], block[2], /^\(free/i.test(block[4]), rest);
    return true;
  }

  #takeLarge(line: string): boolean {
    const [, address, tag, size, rest] = LARGE.exec(line) ?? [];
    const shown = shownTag(tag ?? '');
    if (shown === undefined) return false;
    this.#pool = poolNamed(rest) ?? this.#pool;
    this.#add(shown.tag, address, size, false, rest);
    return true;
  }

  #add(tag: PoolBlock['tag'], address: string, size: string, isFree: boolean, rest: string): void {
    const sizeBytes = hexNumber(size);
    if (sizeBytes === undefined) {
      this.#session.remark(`The size of this block is larger than any pool: 0x${size}.`);
      return;
    }
    const process = /\bprocess:? ([0-9a-f`]{8,17})/i.exec(rest)?.[1];
    this.#session.addBlock({
      tag,
      ...(this.#pool === undefined ? {} : { pool: this.#pool }),
      address: plainAddress(address),
      sizeBytes,
      isFree,
      isProtected: /\(Protected\)/i.test(rest),
      ...(process === undefined ? {} : { process: plainAddress(process) }),
    });
  }
}

/** Behind the state come a blank, a star or blank, and the tag; short states may be filled up, or not. */
function tagBehind(line: string, stateStart: number, stateEnd: number): { tag: string; rest: string } {
  const filled = stateStart + STATE_CHARACTERS + 2;
  let start = stateEnd + 2;
  if (line.length > filled && line.slice(stateEnd, filled - 1).trim() === '') start = filled;
  const isFlattened = !/[\s*]/.test(line[start - 1] ?? ' ');
  if (isFlattened) start--;
  const tag = line.slice(start, start + 4);
  return { tag, rest: line.slice(start + 4) };
}

function poolNamed(text: string): Pool | undefined {
  if (/non-?paged/i.test(text)) return 'nonpaged';
  return /paged/i.test(text) ? 'paged' : undefined;
}

function plainAddress(printed: string): string {
  return printed.replaceAll('`', '').toLowerCase();
}
