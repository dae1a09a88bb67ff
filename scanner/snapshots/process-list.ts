/** Reads lists of processes with their handle counts: the debugger's `!process 0 0`, PowerShell's `Get-Process`. */
import { printableText } from '../pe/printable-text.ts';
import type { FormatReader } from './format-reader.ts';
import type { ProcessRow } from './pool-snapshot.ts';
import { hexNumber, wholeNumber } from './printed-number.ts';
import { quoted } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const PROCESS = /^\s*PROCESS ([0-9a-f`]{8,17})\b/i;
const CID = /\bCid:\s{0,20}([0-9a-f]{1,8})\b/i;
/** TableSize until Windows XP, HandleCount since. */
const HANDLES = /\b(?:HandleCount|TableSize):\s{0,20}(\d{1,10})\b/i;
const IMAGE = /^\s*Image:\s{0,20}(\S.{0,259})$/;
const DUMP = /^\s*\*{4} NT ACTIVE PROCESS DUMP \*{4}/i;

/** More processes than a machine can have. */
const MAX_KNOWN = 50_000;

/** Columns of `Get-Process`; those without a field are known so that numbers can be counted. */
const COLUMNS = new Map<string, keyof ProcessRow | null>([
  ['Handles', 'handles'],
  ['HandleCount', 'handles'],
  ['NPM(K)', 'nonpagedBytes'],
  ['PM(K)', 'commitBytes'],
  ['WS(K)', null],
  ['PM(M)', null],
  ['WS(M)', null],
  ['VM(M)', null],
  ['VM(K)', null],
  ['CPU(s)', null],
  ['Id', 'processId'],
  ['PID', 'processId'],
  ['ProcessId', 'processId'],
  ['SI', null],
  ['Threads', 'threads'],
  ['ThreadCount', 'threads'],
  ['ProcessName', 'name'],
  ['Name', 'name'],
]);

export class ProcessList implements FormatReader {
  readonly #session: ReadSession;
  /** The process whose lines are being read; it has no name yet. */
  #process: ProcessRow | undefined;
  /** A process may be shown again, with its threads. */
  #byAddress = new Map<string, ProcessRow>();
  #columns: string[] | undefined;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    if (DUMP.test(line)) {
      this.#begin();
      return true;
    }
    const process = PROCESS.exec(line);
    if (
      process !== null &&
      (CID.test(line) || /SessionId:/.test(line) || line.trim() === process[0].trim())
    ) {
      if (this.#session.current?.format !== 'processes' || this.#columns !== undefined) this.#begin();
      this.#takeProcess(process[1].replaceAll('`', '').toLowerCase());
      this.#takeDetails(line);
      return true;
    }
    const columns = columnsOf(line);
    if (columns === undefined) return false;
    this.#begin();
    this.#columns = columns;
    return true;
  }

  row(line: string): boolean {
    if (this.#columns !== undefined) return this.#takeColumns(line, this.#columns);
    return this.#process !== undefined && this.#takeDetails(line);
  }

  #begin(): void {
    this.#session.begin('processes');
    this.#process = undefined;
    this.#columns = undefined;
    this.#byAddress = new Map();
  }

  #takeProcess(address: string): void {
    const known = this.#byAddress.get(address);
    this.#process = known ?? { name: '' };
    if (known === undefined && this.#byAddress.size < MAX_KNOWN) this.#byAddress.set(address, this.#process);
  }

  #takeDetails(line: string): boolean {
    const process = this.#process!;
    const id = CID.exec(line);
    if (id !== null && !/^\s*THREAD\b/.test(line)) process.processId = hexNumber(id[1]);
    const handles = HANDLES.exec(line);
    if (handles !== null) process.handles = Number(handles[1]);
    const image = IMAGE.exec(line);
    if (image !== null && process.name === '') {
      process.name = printableText(image[1], 260);
      this.#session.addProcess(process);
    }
    return id !== null || handles !== null || image !== null;
  }

  #takeColumns(line: string, columns: string[]): boolean {
    if (/^[\s-]+$/.test(line)) return true;
    const words = line.trim().split(/\s+/);
    const titles = titlesOfRow(words, columns);
    if (titles !== undefined) {
      this.#session.addProcess(processOf(titles, words));
      return true;
    }
    if (words.filter(isNumberLike).length < 2) return false;
    this.#session.remark(`This row of a list of processes does not fit its titles: ${quoted(line)}.`);
    return true;
  }
}

/** The titles that a row has values for: the processor time of a protected process is blank. */
function titlesOfRow(words: string[], columns: string[]): string[] | undefined {
  const withoutTime = columns.filter(column => column !== 'CPU(s)');
  return [columns, withoutTime].find(titles => {
    const nameAt = nameColumn(titles);
    const behind = titles.length - 1 - nameAt;
    const nameWords = words.length - nameAt - behind;
    const isBeforeRight = words.slice(0, nameAt).every(isNumberLike);
    const areBehindRight = behind === 0 || words.slice(-behind).every(isNumberLike);
    return nameWords > 0 && isBeforeRight && areBehindRight && !isNumberLike(words[nameAt]);
  });
}

/** A name may have blanks; what is not name is one word. */
function processOf(titles: string[], words: string[]): ProcessRow {
  const nameAt = nameColumn(titles);
  const nameWords = words.length - titles.length + 1;
  const name = words.slice(nameAt, nameAt + nameWords).join(' ');
  const cells = words.toSpliced(nameAt, nameWords, name);
  const process: ProcessRow = { name: printableText(name, 260) };
  titles.forEach((title, i) => {
    const field = COLUMNS.get(title);
    if (field === null || field === undefined || field === 'name') return;
    const value = wholeNumber(cells[i].replace(/(?<=\d)[.,](?=\d{3}\b)/g, ''));
    if (value !== undefined && value >= 0) process[field] = title.endsWith('(K)') ? value * 1024 : value;
  });
  return process;
}

function nameColumn(titles: string[]): number {
  return titles.findIndex(title => COLUMNS.get(title) === 'name');
}

function columnsOf(line: string): string[] | undefined {
  if (line.length > 400 || !/\bHandle(?:s|Count)\b/.test(line)) return undefined;
  const words = line.trim().split(/\s+/);
  if (!words.every(word => COLUMNS.has(word)) || new Set(words).size < words.length) return undefined;
  return words.filter(word => COLUMNS.get(word) === 'name').length === 1 ? words : undefined;
}

function isNumberLike(word: string): boolean {
  return /^-?\d[\d.,]*$/.test(word);
}
