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
  ['SI', null],
  ['Threads', 'threads'],
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
    const words = line.trim().split(/\s+/);
    if (/^[\s-]+$/.test(line)) return true;
    const isNameLast = COLUMNS.get(columns.at(-1)!) === 'name';
    // The processor time of a protected process is blank; a name may have blanks.
    const numberCount = columns.length - 1;
    let names = columns;
    const cpu = columns.indexOf('CPU(s)');
    const numbers = (isNameLast ? words : words.toReversed()).findIndex(word => !isNumberLike(word));
    if (numbers === numberCount - 1 && cpu !== -1) names = columns.toSpliced(cpu, 1);
    else if (numbers < numberCount) {
      if (numbers < 2) return false;
      this.#session.remark(`This row of a list of processes does not fit its titles: ${quoted(line)}.`);
      return true;
    }
    const nameWords = words.length - (names.length - 1);
    const nameAt = isNameLast ? names.length - 1 : 0;
    const cells = words.toSpliced(nameAt, nameWords, words.slice(nameAt, nameAt + nameWords).join(' '));
    this.#session.addProcess(processOf(names, cells));
    return true;
  }
}

function processOf(names: string[], cells: string[]): ProcessRow {
  const process: ProcessRow = { name: '' };
  names.forEach((name, i) => {
    const field = COLUMNS.get(name);
    if (field === 'name') process.name = printableText(cells[i], 260);
    else if (field !== null && field !== undefined) {
      const value = wholeNumber(cells[i].replace(/(?<=\d)[.,](?=\d{3}\b)/g, ''));
      if (value !== undefined && value >= 0) process[field] = name.endsWith('(K)') ? value * 1024 : value;
    }
  });
  return process;
}

function columnsOf(line: string): string[] | undefined {
  if (line.length > 400 || !/\bHandle(?:s|Count)\b/.test(line)) return undefined;
  const words = line.trim().split(/\s+/);
  const isKnown = words.length >= 2 && words.every(word => COLUMNS.has(word));
  const ends = isKnown && [words[0], words.at(-1)!].some(word => COLUMNS.get(word) === 'name');
  return ends ? words : undefined;
}

function isNumberLike(word: string): boolean {
  return /^-?\d[\d.,]*$/.test(word);
}
