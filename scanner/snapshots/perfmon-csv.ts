/** Reads a log of Performance Monitor as CSV: counters of the pools and the handles of processes, one snapshot a sample. */
import { printableText } from '../pe/printable-text.ts';
import { type CsvSeparator, csvCells } from './csv-cells.ts';
import type { FormatReader } from './format-reader.ts';
import type { MemoryFacts, PoolSnapshot, ProcessRow } from './pool-snapshot.ts';
import { quoted } from './printed-text.ts';
import type { ReadSession } from './read-session.ts';

const TITLE = /^\s{0,4}"?\s{0,4}\(PDH-([CT])SV 4\.0\)/;
const COUNTER = /^\\\\([^\\]{1,255})\\([^\\(]{1,100})(?:\((.{1,260})\))?\\(.{1,200})$/;
/** `09/08/2002 12:35:45.166`: month first in every language. */
const TIME = /^\s*(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))?/;
const SAMPLE = /^\s*"?\s*\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d{2}:\d{2}(?:\.\d{1,3})?"?\s*[,\t]/;

const MEMORY = new Map<string, [keyof MemoryFacts, number]>([
  ['Pool Nonpaged Bytes', ['nonpagedBytes', 1]],
  ['Pool Paged Bytes', ['pagedBytes', 1]],
  ['Pool Nonpaged Allocs', ['nonpagedAllocs', 1]],
  ['Pool Paged Allocs', ['pagedAllocs', 1]],
  ['Pool Paged Resident Bytes', ['pagedResidentBytes', 1]],
  ['Available Bytes', ['availableBytes', 1]],
  ['Available KBytes', ['availableBytes', 1024]],
  ['Available MBytes', ['availableBytes', 1024 * 1024]],
  ['Committed Bytes', ['commitBytes', 1]],
  ['Commit Limit', ['commitLimitBytes', 1]],
]);
const PROCESS = new Map<string, Exclude<keyof ProcessRow, 'name'>>([
  ['Handle Count', 'handles'],
  ['Thread Count', 'threads'],
  ['ID Process', 'processId'],
  ['Pool Nonpaged Bytes', 'nonpagedBytes'],
  ['Pool Paged Bytes', 'pagedBytes'],
  ['Private Bytes', 'commitBytes'],
]);

type Column =
  | { kind: 'memory'; fact: keyof MemoryFacts; factor: number }
  | { kind: 'process'; name: string; field: Exclude<keyof ProcessRow, 'name'> }
  | undefined;

export class PerfmonCsv implements FormatReader {
  readonly #session: ReadSession;
  #columns: Column[] = [];
  #separator: CsvSeparator = ',';
  #zoneMinutes = 0;
  #computer: string | undefined;
  #cells = 0;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  header(line: string): boolean {
    const title = TITLE.exec(line);
    if (title === null) return false;
    this.#separator = title[1] === 'T' ? '\t' : ',';
    const cells = csvCells(line, this.#separator);
    // The name of the zone may have the separator in it, without quotes around.
    let zone = cells.shift() ?? '';
    while (cells.length > 0 && !cells[0].trimStart().startsWith('\\\\'))
      zone += this.#separator + cells.shift();
    this.#zoneMinutes = Number(/\((-?\d{1,4})\)\s*$/.exec(zone)?.[1] ?? 0);
    this.#cells = cells.length;
    this.#computer = undefined;
    this.#columns = cells.map(cell => this.#columnOf(cell.trim()));
    // The samples are snapshots; the titles belong to none.
    this.#session.complete();
    this.#session.isRecognised = true;
    if (!this.#columns.some(column => column !== undefined)) {
      this.#session.remark(
        'None of the counters of this Performance Monitor log is of use here. Expected are counters such as ' +
          '\\Memory\\Pool Nonpaged Bytes, \\Memory\\Pool Paged Bytes and \\Process(*)\\Handle Count, by their English names.',
      );
    }
    return true;
  }

  plainRow(line: string): boolean {
    return SAMPLE.test(line) && this.row(line);
  }

  row(line: string): boolean {
    const cells = csvCells(line, this.#separator);
    if (cells.length < 2) return false;
    const takenAtMs = this.#timeOf(cells.shift()!);
    if (takenAtMs === undefined) {
      if (cells.length < this.#cells / 2) return false;
      this.#session.remark(
        `This line has no time as Performance Monitor writes it (09/08/2002 12:35:45.166): ${quoted(line)}.`,
      );
      return true;
    }
    if (cells.length < this.#cells) {
      const what = `This sample has fewer values than the ${this.#cells} titles; those there are were read.`;
      this.#session.remarkRow(quoted(line), what);
    }
    if (!this.#columns.some(column => column !== undefined)) return true;
    const snapshot = this.#session.begin('perfmon-csv');
    snapshot.takenAtMs = takenAtMs;
    snapshot.timeFrom = 'text';
    if (this.#computer !== undefined) snapshot.computer = this.#computer;
    this.#fill(snapshot, cells);
    // The first sample has no values for counters that are rates; one that is all empty says nothing.
    if (Object.keys(snapshot.memory).length === 0 && snapshot.processes.length === 0) this.#session.discard();
    else this.#session.complete();
    return true;
  }

  #fill(snapshot: PoolSnapshot, cells: string[]): void {
    const processes = new Map<string, ProcessRow>();
    this.#columns.forEach((column, i) => {
      if (column === undefined) return;
      const value = decimal(cells[i]);
      if (value === undefined) return;
      if (column.kind === 'memory') {
        snapshot.memory[column.fact] = Math.round(value * column.factor);
        return;
      }
      let process = processes.get(column.name);
      if (process === undefined) {
        process = { name: column.name };
        processes.set(column.name, process);
      }
      process[column.field] = Math.round(value);
    });
    for (const process of processes.values()) this.#session.addProcess(process, snapshot);
  }

  #columnOf(title: string): Column {
    const [, computer, object, instance, counter] = COUNTER.exec(title) ?? [];
    if (computer === undefined) return undefined;
    const name = printableText(computer, 100);
    const memory = object === 'Memory' && instance === undefined ? MEMORY.get(counter) : undefined;
    const process = object === 'Process' || object === 'Process V2' ? PROCESS.get(counter) : undefined;
    const isOne = instance !== undefined && instance !== '_Total' && instance !== 'Idle';
    if (memory === undefined && (process === undefined || !isOne)) return undefined;
    this.#computer ??= name;
    if (name !== this.#computer) {
      this.#session.remarkRow(quoted(name), `The log has several computers; only ${this.#computer} is read.`);
      return undefined;
    }
    if (memory !== undefined) return { kind: 'memory', fact: memory[0], factor: memory[1] };
    return { kind: 'process', name: printableText(instance, 260), field: process! };
  }

  #timeOf(cell: string): number | undefined {
    const [, month, day, year, hours, minutes, seconds, fraction = '0'] = TIME.exec(cell) ?? [];
    if (month === undefined || Number(month) > 12 || Number(day) > 31) return undefined;
    const ms = Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hours),
      Number(minutes),
      Number(seconds),
    );
    return ms + Number(fraction.padEnd(3, '0')) + this.#zoneMinutes * 60_000;
  }
}

/** Some languages write a comma in a quoted number. Empty, blank or not a number: there was no value. */
function decimal(cell: string | undefined): number | undefined {
  if (cell === undefined || !/^\s*\d{1,20}(?:[.,]\d{1,20})?(?:e[+-]?\d{1,3})?\s*$/i.test(cell))
    return undefined;
  const value = Number(cell.replace(',', '.'));
  return Number.isFinite(value) && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
