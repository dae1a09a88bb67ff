/** Reads what PoolMon prints, on its screen and with `-n`, whole or flattened; also MemSnap's table of pool tags. */

import type { FormatReader } from './format-reader.ts';
import { byteOfEachCharacter, lineText } from './line-text.ts';
import { readMemsnapPreamble } from './memsnap-preamble.ts';
import type { PoolRow } from './pool-snapshot.ts';
import { PoolmonRowParser, type RowDoubt } from './poolmon-row.ts';
import { quotationOf, tagBeforePool } from './poolmon-tag.ts';
import {
  isMemoryLine,
  type PoolmonColumn,
  type PoolmonTitle,
  readPoolmonTitle,
  readPoolmonTotals,
} from './poolmon-title.ts';
import { wholeNumber } from './printed-number.ts';
import { ownerText, quoted, shownTag } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const POOL_NAME = /\s(Nonp|Paged|Non[Pp]aged)\s+(?=[-+(]?\d)/;
const SESSION = /^\s*(?:(System)|(All sessions)|Session (\d{1,6})) pool information\s*$/i;
/** What may stand before the name of a pool where it is no tag: the totals that the key E shows. */
const TOTAL = /^\s*(?:Totals?:?\s*)?$/i;
const BRACKET = 0x5b;
const DOUBTS: Record<RowDoubt, string> = {
  'negative-bytes': 'Bytes is negative: a counter has wrapped around, so that the size is not known.',
  'too-large': 'A number is larger than any counter; it is left out.',
  'more-frees-than-allocs': 'There are more frees than allocations, which cannot be; Diff is left out.',
  'other-diff': 'Diff is not Allocs less Frees; it is computed from them.',
  'wrapped-diff': 'A 32-bit counter has wrapped around; Diff is computed from Allocs and Frees.',
};

export class PoolmonScreen implements FormatReader {
  readonly #session: ReadSession;
  readonly #parser = new PoolmonRowParser();
  /** The text on the owner of each tag, which is the same in each snapshot. */
  readonly #mapped = new Map<string, { printed: Uint8Array; text: string | undefined }>();
  #tagColumn: number | undefined;
  #columns: PoolmonColumn[] | undefined;
  #isQuoted = false;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    const title = readPoolmonTitle(line);
    if (title !== undefined && this.#takeTitle(title)) return true;
    if (isMemoryLine(line)) {
      readPoolmonTotals(line, this.#session.begin('poolmon').memory);
      return true;
    }
    const pools = SESSION.exec(line);
    if (pools !== null) {
      const snapshot = this.#unfilled();
      if (pools[2] !== undefined) snapshot.session = 'all';
      else if (pools[3] !== undefined) snapshot.session = Number(pools[3]);
      return true;
    }
    if (/^\s*Query pooltags Failed/i.test(line)) {
      this.#session.isRecognised = true;
      this.#session.remark(
        'PoolMon could not ask for pool tags: pool tagging is off on this system. ' +
          'Switch it on with "gflags /r +ptg" and restart, then take the snapshots again.',
      );
      return true;
    }
    return /^\s*PoolMon: \w/.test(line);
  }

  row(line: string): boolean {
    const snapshot = this.#session.current;
    if (snapshot === undefined) return false;
    if (readPoolmonTotals(line, snapshot.memory)) return true;
    if (readMemsnapPreamble(line, this.#session)) return true;
    return this.#takeRow(line, true);
  }

  loneRow(line: string): boolean {
    if (!POOL_NAME.test(line)) return false;
    this.#tagColumn = undefined;
    this.#columns = undefined;
    return this.#takeRow(line, false);
  }

  /** A row as it comes from the file; false where the line needs a closer look. */
  fastRow(bytes: Uint8Array, start: number, end: number): boolean {
    const column = this.#tagColumn;
    if (column === undefined || this.#columns !== undefined || this.#isQuoted) return false;
    for (let at = start; at < start + column; at++) if (bytes[at] !== 0x20) return false;
    if (column === 0 && bytes[start] === 0x20) return false;
    const row = this.#parser.parse(bytes, start + column, end);
    if (row === undefined) return false;
    const { mappedStart } = this.#parser;
    if (mappedStart < end && bytes[mappedStart] === BRACKET) this.#map(row, bytes, mappedStart, end);
    this.#add(row);
    return true;
  }

  #takeTitle(title: PoolmonTitle): boolean {
    const isAlone = title.behind.trim() === '' && /^[\s#>|]*$/.test(title.before);
    if (!isAlone && !POOL_NAME.test(title.behind)) return false;
    const hasMemory = isMemoryLine(title.before);
    const snapshot = hasMemory ? this.#session.begin('poolmon') : this.#unfilled();
    if (hasMemory) readPoolmonTotals(title.before, snapshot.memory);
    const quotation = quotationOf(title.before);
    this.#isQuoted = quotation > 0;
    this.#tagColumn = title.before.trim() === '' || this.#isQuoted ? title.tagColumn - quotation : 0;
    this.#columns = title.isUsual ? undefined : title.columns;
    if (!isAlone) this.#takeFlattened(title.behind);
    return true;
  }

  /** A snapshot whose rows are still to come. */
  #unfilled() {
    const { current } = this.#session;
    const isUnfilled = current?.format === 'poolmon' && current.rows.length === 0;
    return isUnfilled ? current : this.#session.begin('poolmon');
  }

  #takeRow(line: string, isInTable: boolean): boolean {
    const pool = POOL_NAME.exec(line);
    if (pool === null) return false;
    const before = line.slice(0, pool.index + 1);
    if (isInTable && TOTAL.test(before)) return true;
    const tag = tagBeforePool(before, this.#tagColumn);
    const row = tag === undefined ? undefined : this.#numbers(line, pool, tag.tag);
    if (row === undefined) {
      if (isInTable) this.#session.remark(`This row of PoolMon cannot be read: ${quoted(line)}.`);
      return isInTable;
    }
    if (tag!.isInexact) row.isInexact = true;
    if (!isInTable) this.#session.ensure('poolmon');
    this.#add(row);
    return true;
  }

  #numbers(line: string, pool: RegExpExecArray, tag: PoolRow['tag']): PoolRow | undefined {
    const start = pool.index + 1 + pool[1].length;
    const kind = pool[1] === 'Paged' ? 'paged' : 'nonpaged';
    if (this.#columns !== undefined)
      return rowByColumns(this.#columns, line.slice(start), { tag, pool: kind });
    const bytes = byteOfEachCharacter(line);
    const row = this.#parser.parseNumbers(bytes, start, bytes.length, tag, kind);
    // Only what stands in brackets is PoolMon's; a sentence may go on behind a row.
    const mappedStart = this.#parser.mappedStart;
    if (row !== undefined && line[mappedStart] === '[') this.#setMapped(row, line.slice(mappedStart));
    return row;
  }

  /** Rows one behind the other on a single line, as a forum or a web page gives them. */
  #takeFlattened(text: string): void {
    const bytes = byteOfEachCharacter(text);
    let rest = 0;
    let row: PoolRow | undefined;
    for (const pool of text.matchAll(/\s(Nonp|Paged)\s+(?=-?\d)/g)) {
      if (pool.index < rest) continue;
      const between = text.slice(rest, pool.index + 1);
      const bracket = between.lastIndexOf(']') + 1;
      const words = between
        .slice(bracket)
        .replace(/^\s*(?:-{3,}|Unknown Driver\s)\s*/, '')
        .trim();
      const tag = shownTag(words.length <= 4 ? words : (/(?:^|\s)(\S{1,4})$/.exec(words)?.[1] ?? ''));
      if (row !== undefined && bracket > 0) this.#setMapped(row, between.slice(0, bracket));
      const start = pool.index + 1 + pool[1].length;
      rest = start;
      if (tag === undefined) continue;
      const kind = pool[1] === 'Paged' ? 'paged' : 'nonpaged';
      row = this.#parser.parseNumbers(bytes, start, bytes.length, tag.tag, kind);
      if (row === undefined) {
        this.#session.remark(
          `A row of PoolMon cannot be read: ${quoted(text.slice(pool.index - words.length))}.`,
        );
        continue;
      }
      rest = this.#parser.mappedStart;
      if (tag.isInexact) row.isInexact = true;
      this.#add(row);
    }
    const last = /^\s*(\[[^\]]{1,200}\](?:\s?\[[^\]]{1,200}\])?)/.exec(text.slice(rest));
    if (row !== undefined && last !== null) this.#setMapped(row, last[1]);
  }

  #setMapped(row: PoolRow, printed: string): void {
    const mapped = ownerText(printed);
    if (mapped !== undefined) row.mapped = mapped;
  }

  #map(row: PoolRow, bytes: Uint8Array, start: number, end: number): void {
    const known = this.#mapped.get(row.tag);
    if (known !== undefined && isSame(known.printed, bytes, start, end)) {
      if (known.text !== undefined) row.mapped = known.text;
      return;
    }
    const text = ownerText(lineText(bytes, start, end));
    if (this.#mapped.size > 50_000) this.#mapped.clear();
    this.#mapped.set(row.tag, { printed: bytes.slice(start, end), text });
    if (text !== undefined) row.mapped = text;
  }

  #add(row: PoolRow): void {
    for (const doubt of this.#parser.doubts) this.#session.remarkRow(quoted(row.tag), DOUBTS[doubt]);
    this.#session.addRow(row);
  }
}

/** MemSnap's columns are known by their names only. */
function rowByColumns(columns: PoolmonColumn[], text: string, row: PoolRow): PoolRow | undefined {
  const numbers = text
    .replace(/\([^)]{0,20}\)/g, ' ')
    .trim()
    .split(/\s+/);
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i];
    if (column === 'per-alloc' || column === 'mapped') continue;
    const value = wholeNumber(numbers[i]);
    if (value === undefined) return undefined;
    if (value >= 0) row[column] = value;
  }
  return row;
}

function isSame(printed: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (printed.length !== end - start) return false;
  for (let i = 0; i < printed.length; i++) if (printed[i] !== bytes[start + i]) return false;
  return true;
}
