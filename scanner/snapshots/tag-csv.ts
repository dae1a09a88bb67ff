/** Reads CSV with a line for each tag and time: what PowerShell scripts around PoolMon write, and our own. */
import { type PoolTag, tagFromId } from '../../data/pool-tag.ts';
import { printableText } from '../pe/printable-text.ts';
import { type CsvSeparator, csvCells, separatorOf } from './csv-cells.ts';
import type { FormatReader } from './format-reader.ts';
import { PoolPairs } from './pool-pair.ts';
import type { Pool, PoolRow, PoolSnapshot } from './pool-snapshot.ts';
import { outstanding, wholeNumber } from './printed-number.ts';
import { ownerText, quoted, type ShownTag, shownTag } from './printed-text.ts';
import { isoTime, readPrintedTime } from './printed-time.ts';
import { emptySnapshot, type ReadSession } from './read-session.ts';
import { type TagCsvColumns, tagCsvColumns } from './tag-csv-columns.ts';

/** Rows that wait, because a table may be sorted by tag and not by time: ten megabytes. */
const MAX_OPEN_ROWS = 100_000;
const MAX_TITLE_CHARACTERS = 4000;
const FORMULA_GUARD = /^'(?=[=+\-@\p{Cc}])/u;

export class TagCsv implements FormatReader {
  readonly #session: ReadSession;
  readonly #file: string | undefined;
  readonly #pairs = new PoolPairs();
  #columns: TagCsvColumns | undefined;
  #separator: CsvSeparator = ',';
  /** Snapshots by the text of their time. */
  #open = new Map<string, PoolSnapshot>();
  #openRows = 0;
  #closed: string | undefined;
  #hasWarned = false;

  constructor(session: ReadSession, file: string | undefined) {
    this.#session = session;
    this.#file = file;
  }

  header(line: string): boolean {
    if (
      line.length > MAX_TITLE_CHARACTERS ||
      !/(?:^|[,;\t"])\s*(?:tag|id)\s*["',;\t]|[,;\t]"?(?:tag|id)"?\s*$/i.test(line)
    ) {
      return false;
    }
    const separator = separatorOf(line);
    const columns = tagCsvColumns(csvCells(line, separator));
    if (columns === undefined) return false;
    this.end();
    this.#session.complete();
    this.#session.isRecognised = true;
    this.#columns = columns;
    this.#separator = separator;
    return true;
  }

  plainRow(line: string): boolean {
    const columns = this.#columns!;
    const cells = csvCells(line, this.#separator);
    const rows = cells.length === columns.count ? this.#rows(cells, columns) : undefined;
    if (rows !== undefined) this.#add(rows, cells, columns);
    return rows !== undefined;
  }

  row(line: string): boolean {
    const columns = this.#columns!;
    const cells = csvCells(line, this.#separator);
    // Prose that follows a table has a comma at times.
    if (cells.length < 2 || cells.length < columns.count / 2) return false;
    this.#session.remark(`This line does not fit the titles of its CSV: ${quoted(line)}.`);
    return true;
  }

  end(): void {
    for (const snapshot of this.#open.values()) this.#session.add(snapshot);
    this.#open.clear();
    this.#openRows = 0;
    this.#closed = undefined;
  }

  #add(rows: PoolRow[], cells: string[], columns: TagCsvColumns): void {
    const snapshot = this.#snapshotAt(cells, columns);
    const before = snapshot.rows.length;
    if (columns.format === 'powershell-csv') this.#pairs.add(this.#session, rows, snapshot);
    else for (const row of rows) this.#session.addRow(row, snapshot);
    this.#openRows += snapshot.rows.length - before;
    const computer = columns.computer === undefined ? '' : cells[columns.computer];
    if (computer !== '') snapshot.computer ??= printableText(computer, 100);
  }

  #snapshotAt(cells: string[], columns: TagCsvColumns): PoolSnapshot {
    const column = columns.times.find(({ at }) => cells[at].trim() !== '');
    const text = column === undefined ? '' : cells[column.at].trim();
    const known = this.#open.get(text);
    if (known !== undefined) return known;
    if (this.#openRows > MAX_OPEN_ROWS) this.#closeOldest(text);
    const snapshot = emptySnapshot(columns.format, this.#file, this.#session.line);
    const takenAtMs = text === '' ? undefined : this.#timeOf(text);
    if (takenAtMs !== undefined) {
      snapshot.takenAtMs = takenAtMs;
      snapshot.timeFrom = 'text';
    } else if (text !== '') {
      this.#session.remarkRow(
        quoted(text),
        'This time cannot be read; expected the form 2026-11-29T10:00:00Z.',
      );
    }
    this.#open.set(text, snapshot);
    return snapshot;
  }

  #timeOf(text: string): number | undefined {
    const iso = isoTime(text);
    if (iso !== undefined) return iso;
    const printed = readPrintedTime(text);
    if (printed === undefined) return undefined;
    if (printed.monthFirstMs !== printed.dayFirstMs && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#session.remark(
        'Day and month of this time cannot be told apart; times of this table are read as month/day.',
      );
    }
    return printed.monthFirstMs;
  }

  #closeOldest(next: string): void {
    const [[text, oldest]] = this.#open;
    if (this.#closed !== undefined && next <= this.#closed && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#session.remark(
        'The rows of this large table are not in the order of time, so that snapshots may be read in parts; sort it by time.',
      );
    }
    this.#closed = text;
    this.#open.delete(text);
    this.#openRows -= oldest.rows.length;
    this.#session.add(oldest);
  }

  /** The rows of a line; undefined where tag, pool or a figure cannot be read. */
  #rows(cells: string[], columns: TagCsvColumns): PoolRow[] | undefined {
    const shown = tagOf(cells, columns);
    if (shown === undefined) return undefined;
    const pool = columns.pool === undefined ? undefined : poolOf(cells[columns.pool]);
    if (columns.pool !== undefined && pool === undefined) return undefined;
    const rows = new Map<Pool, PoolRow>();
    for (const { at, pool: own = pool!, figure } of columns.figures) {
      const text = cells[at].replace(FORMULA_GUARD, '').trim();
      if (text === '') continue;
      const value = wholeNumber(text);
      if (value === undefined && !/^-?\d+$/.test(text)) return undefined;
      const row = rows.get(own) ?? { tag: shown.tag, pool: own };
      rows.set(own, row);
      if (value !== undefined && value >= 0) row[figure] = value;
      else {
        const what = 'A number is negative or larger than any counter; it is left out.';
        this.#session.remarkRow(quoted(shown.tag), what);
      }
    }
    const mapped = ownerText(
      [columns.binary, columns.description].flatMap(at => cells[at ?? -1] || []).join(' - '),
    );
    for (const row of rows.values()) {
      if (row.allocs !== undefined && row.frees !== undefined)
        row.diff ??= outstanding(row.allocs, row.frees);
      if (row.diff === undefined) delete row.diff;
      if (mapped !== undefined) row.mapped = mapped;
      if (shown.isInexact) row.isInexact = true;
    }
    return [...rows.values()];
  }
}

/** The id is exact whatever the tag's bytes are; the printed tag may have lost some. */
function tagOf(cells: string[], columns: TagCsvColumns): ShownTag | undefined {
  const id = columns.id === undefined ? '' : cells[columns.id].trim().toLowerCase();
  const tag: PoolTag | undefined = tagFromId(id);
  if (tag !== undefined) return { tag, isInexact: false };
  const text = columns.tag === undefined ? '' : cells[columns.tag];
  return shownTag(text.length > 4 ? text.replace(FORMULA_GUARD, '') : text);
}

function poolOf(text: string): Pool | undefined {
  const name = text.trim().toLowerCase();
  if (name === 'nonpaged' || name === 'nonp') return 'nonpaged';
  return name === 'paged' ? 'paged' : undefined;
}
