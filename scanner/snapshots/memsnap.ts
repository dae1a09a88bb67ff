/** Reads MemSnap's table of processes (`memsnap /m`): the first line names the columns. */

import { printableText } from '../pe/printable-text.ts';
import type { FormatReader } from './format-reader.ts';
import { readMemsnapPreamble } from './memsnap-preamble.ts';
import type { ProcessRow } from './pool-snapshot.ts';
import { hexNumber, wholeNumber } from './printed-number.ts';
import { quoted } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const TITLE = /^\s*Process ID\s{1,40}Proc\.Name\s+(\S.*)$/;
const ROW = /^\s*([0-9A-Fa-f]{4,16})\s+(\S.{0,259}?)((?:\s{1,40}-?\d{1,16}){1,40})\s*$/;

type Field = Exclude<keyof ProcessRow, 'name' | 'processId'>;
const FIELDS = new Map<string, Field>([
  ['PagedPool', 'pagedBytes'],
  ['NonPgdPl', 'nonpagedBytes'],
  ['Commit', 'commitBytes'],
  ['Handles', 'handles'],
  ['Threads', 'threads'],
]);

export class Memsnap implements FormatReader {
  readonly #session: ReadSession;
  #columns: string[] = [];

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    const title = TITLE.exec(line);
    if (title === null) return false;
    this.#columns = title[1].trim().split(/\s+/);
    this.#session.begin('memsnap');
    return true;
  }

  row(line: string): boolean {
    if (readMemsnapPreamble(line, this.#session)) return true;
    const [, processId, name, printed] = ROW.exec(line) ?? [];
    if (processId === undefined) return false;
    // A name may end with a number of its own: the columns are counted from the right.
    const numbers = printed.trim().split(/\s+/);
    const extra = numbers.splice(0, numbers.length - this.#columns.length);
    if (numbers.length < this.#columns.length) {
      this.#session.remark(`This row of MemSnap has fewer numbers than there are titles: ${quoted(line)}.`);
      return true;
    }
    const process: ProcessRow = { name: printableText([name, ...extra].join(' '), 260) };
    const id = hexNumber(processId);
    if (id !== undefined) process.processId = id;
    this.#columns.forEach((column, i) => {
      const field = FIELDS.get(column);
      const value = wholeNumber(numbers[i]);
      if (field !== undefined && value !== undefined && value >= 0) process[field] = value;
    });
    this.#session.addProcess(process);
    return true;
  }
}
