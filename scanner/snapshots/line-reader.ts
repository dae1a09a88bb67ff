/** LineReader: hands each line of a text to the reader of the format that it belongs to. */
import { Event2004 } from './event-2004.ts';
import type { FormatReader } from './format-reader.ts';
import { Memsnap } from './memsnap.ts';
import { OwnJson } from './own-json.ts';
import { PerfmonCsv } from './perfmon-csv.ts';
import { PoolBlocks } from './pool-blocks.ts';
import type { SnapshotFormat } from './pool-snapshot.ts';
import { PoolmonScreen } from './poolmon-screen.ts';
import { PoolUsed } from './poolused.ts';
import { readPrintedTime } from './printed-time.ts';
import { ProcessList } from './process-list.ts';
import { type ReaderOptions, ReadSession } from './read-session.ts';
import { TagCsv } from './tag-csv.ts';
import { VerifierStatistics } from './verifier-statistics.ts';
import { VmUsage } from './vm-usage.ts';

/** No table but CSV has wider rows; PoolMon's rows may stand one behind the other on a longer line. */
const MAX_ROW_CHARACTERS = 1000;
/** A no-break space here may be part of a tag; further on it is a blank of a web page. */
const TAG_CHARACTERS = 5;

export class LineReader {
  readonly session: ReadSession;
  readonly #poolmon: PoolmonScreen;
  readonly #event: Event2004;
  readonly #json: OwnJson;
  readonly #tables: FormatReader[];
  readonly #wide: FormatReader[];
  #active: FormatReader | undefined;

  constructor(options: ReaderOptions) {
    const session = new ReadSession(options);
    this.session = session;
    this.#poolmon = new PoolmonScreen(session);
    this.#event = new Event2004(session);
    this.#json = new OwnJson(session);
    const vm = new VmUsage(session);
    const csv = [new PerfmonCsv(session), new TagCsv(session, options.file)];
    this.#wide = [this.#poolmon, ...csv];
    this.#tables = [
      this.#poolmon,
      new PoolUsed(session),
      new Memsnap(session),
      vm,
      new PoolBlocks(session),
      new ProcessList(session),
      new VerifierStatistics(session),
      ...csv,
    ];
    const finishers = new Map<SnapshotFormat, FormatReader>([['vm', vm]]);
    session.onComplete = snapshot => finishers.get(snapshot.format)?.finish?.(snapshot);
  }

  /** Reads a line where it is a plain row of PoolMon within a table; false where `read` must look at it. */
  readFast(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#active === this.#poolmon && this.#poolmon.fastRow(bytes, start, end);
  }

  /** Reads any line, given without its end. */
  read(printed: string): void {
    if (this.#event.isInside) {
      this.#event.take(printed);
      // What begins like an event and has no end does not hide the tables behind it.
      if (printed.includes('<')) return;
    }
    const line = plainBlanks(printed);
    if (line.trim() === '') return;
    const first = line.trimStart()[0];
    if (first === '{' && this.#json.take(line)) this.#active = undefined;
    else if (line.includes('<') && this.#event.take(printed)) this.#active = undefined;
    else this.#readTable(line);
  }

  end(): void {
    this.#event.end();
    for (const reader of this.#tables) reader.end?.();
    this.session.end();
  }

  #readTable(line: string): void {
    const isWide = line.length > MAX_ROW_CHARACTERS;
    const readers = isWide ? this.#wide : this.#tables;
    const active = this.#active;
    if (active?.plainRow?.(line)) return;
    for (const reader of readers) {
      if (reader.header(line)) {
        this.#active = reader;
        return;
      }
    }
    if (active !== undefined && readers.includes(active) && active.row(line)) return;
    if (isWide) return;
    const time = readPrintedTime(line);
    if (time !== undefined) {
      this.session.noteTime(time);
      return;
    }
    for (const reader of readers) {
      if (reader !== active && reader.loneRow?.(line)) {
        this.#active = reader;
        return;
      }
    }
  }
}

function plainBlanks(line: string): string {
  return line.indexOf('\xa0', TAG_CHARACTERS) === -1 ? line : line.replaceAll('\xa0', ' ');
}
