/** ReadSession: the snapshots of one text as they come to be, the remarks on it, and when each snapshot was taken. */

import type {
  PoolBlock,
  PoolRow,
  PoolSnapshot,
  ProcessRow,
  ReadRemark,
  SnapshotFormat,
} from './pool-snapshot.ts';
import type { ShownTag } from './printed-text.ts';
import { DayOrder, type PrintedTime } from './printed-time.ts';

/** What a reader is told, and whom it tells. */
export interface ReaderOptions {
  /** The name of the file, for snapshots and remarks. */
  file?: string;
  /** When the file was written, in milliseconds since 1970 UTC: the time of snapshots where the text has none. */
  fileTimeMs?: number;
  /** Called for each snapshot, in the order of the text. */
  onSnapshot(snapshot: PoolSnapshot): void;
  onRemark(remark: ReadRemark): void;
}

/** A text with more doubtful lines than this is not read with more profit by showing them all. */
const MAX_REMARKS = 100;
/** Of remarks that are alike; a wrapped counter is in every snapshot. */
const MAX_ALIKE = 5;
/** A machine has some thousand tags; beyond this the text is made up, and memory is bounded. */
const MAX_ROWS = 250_000;
/** `!poolfind` lists each block of a leak. */
const MAX_BLOCKS = 500_000;
const MAX_PROCESSES = 50_000;
/** How many snapshots wait until day and month are told apart: a day of half-hours, in few megabytes. */
const MAX_WAITING = 48;
const MAX_WAITING_ROWS = 150_000;

interface Waiting {
  snapshot: PoolSnapshot;
  time: PrintedTime | undefined;
}

export class ReadSession {
  /** The line that is being read, from 1. */
  line = 0;
  current: PoolSnapshot | undefined;
  /** Something in the text is of one of the formats. */
  isRecognised = false;
  /** The last tag that was read: what `annotate` asks for. */
  shown: ShownTag | undefined;
  /** Told of each snapshot before it is handed out. */
  onComplete: (snapshot: PoolSnapshot) => void = () => {};
  readonly #options: ReaderOptions;
  readonly #days = new DayOrder();
  readonly #formats = new Set<SnapshotFormat>();
  #currentTime: PrintedTime | undefined;
  #waiting: Waiting[] = [];
  #waitingRows = 0;
  /** More than one snapshot of a format: the date of the file is the time of none. */
  #isSeries = false;
  #time: { printed: PrintedTime; usedBy: Set<SnapshotFormat> } | undefined;
  #remarks = 0;
  #droppedRows = 0;
  readonly #counted = new Map<string, number>();
  #hasGuessedDays = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** A date has come since the last snapshot of this format began. */
  hasNewTime(format: SnapshotFormat): boolean {
    return this.#time !== undefined && !this.#time.usedBy.has(format);
  }

  /** Ends the current snapshot and begins another. */
  begin(format: SnapshotFormat): PoolSnapshot {
    this.complete();
    const snapshot = emptySnapshot(format, this.#options.file, this.line);
    if (this.#time !== undefined && !this.#time.usedBy.has(format)) {
      this.#time.usedBy.add(format);
      this.#currentTime = this.#time.printed;
    }
    this.#note(format);
    this.current = snapshot;
    return snapshot;
  }

  /** The current snapshot where it is of this format, else a new one. */
  ensure(format: SnapshotFormat): PoolSnapshot {
    return this.current?.format === format ? this.current : this.begin(format);
  }

  /** The current snapshot turns out to be of another format. */
  retype(format: SnapshotFormat): void {
    if (this.current === undefined || this.current.format === format) return;
    this.current.format = format;
    if (this.#formats.has(format)) this.#isSeries = true;
    this.#formats.add(format);
  }

  /** Hands out the current snapshot. */
  complete(): void {
    const snapshot = this.current;
    if (snapshot === undefined) return;
    this.current = undefined;
    this.#queue(snapshot, this.#currentTime);
    this.#currentTime = undefined;
  }

  /** Forgets the current snapshot, which turned out to say nothing. */
  discard(): void {
    this.current = undefined;
    this.#currentTime = undefined;
  }

  /** Hands out a snapshot that a reader made beside the current one. */
  add(snapshot: PoolSnapshot): void {
    this.#note(snapshot.format);
    this.#queue(snapshot, undefined);
  }

  addRow(row: PoolRow, snapshot = this.current): void {
    this.shown ??= { tag: row.tag, isInexact: row.isInexact === true };
    if (snapshot === undefined || snapshot.rows.length >= MAX_ROWS) this.#dropRow(MAX_ROWS, 'rows');
    else snapshot.rows.push(row);
  }

  addBlock(block: PoolBlock): void {
    this.shown ??= { tag: block.tag, isInexact: false };
    if (this.current!.blocks.length >= MAX_BLOCKS) this.#dropRow(MAX_BLOCKS, 'blocks');
    else this.current!.blocks.push(block);
  }

  addProcess(process: ProcessRow, snapshot = this.current): void {
    if (snapshot === undefined || snapshot.processes.length >= MAX_PROCESSES) {
      this.#dropRow(MAX_PROCESSES, 'processes');
    } else snapshot.processes.push(process);
  }

  /** What was read is of no further use: memory stays bounded however long the table is. */
  forgetRows(): void {
    const { current } = this;
    if (current === undefined) return;
    current.rows.length = 0;
    current.blocks.length = 0;
    current.processes.length = 0;
    for (const driver of current.verifier) driver.allocations.length = 0;
  }

  /** A date before a snapshot is its time. */
  noteTime(time: PrintedTime): void {
    this.#days.learn(time);
    this.#time = { printed: time, usedBy: new Set() };
  }

  /** On the line that is being read, unless another is named; null is the whole text. */
  remark(message: string, line: number | null = this.line): void {
    if (++this.#remarks > MAX_REMARKS) return;
    this.#options.onRemark({ file: this.#options.file, ...(line === null ? {} : { line }), message });
  }

  /** A remark that may concern many rows: the first few are named, the others counted. */
  remarkRow(subject: string, what: string): void {
    const count = (this.#counted.get(what) ?? 0) + 1;
    this.#counted.set(what, count);
    if (count <= MAX_ALIKE) this.remark(`${subject}: ${what}`);
  }

  /** Hands out all that is left. */
  end(): void {
    this.complete();
    this.#release(true);
    for (const [what, count] of this.#counted) {
      if (count > MAX_ALIKE) this.remark(`The same in ${count - MAX_ALIKE} more rows: ${what}`, null);
    }
    if (this.#remarks <= MAX_REMARKS) return;
    const left = this.#remarks - MAX_REMARKS;
    const message = `${left} more ${left === 1 ? 'remark is' : 'remarks are'} left out.`;
    this.#options.onRemark({ file: this.#options.file, message });
  }

  #note(format: SnapshotFormat): void {
    this.isRecognised = true;
    if (this.#formats.has(format)) this.#isSeries = true;
    this.#formats.add(format);
    if (this.#isSeries) this.#release(false);
  }

  #queue(snapshot: PoolSnapshot, time: PrintedTime | undefined): void {
    this.onComplete(snapshot);
    if (isEmpty(snapshot)) {
      this.remark('A table begins here that has no row that can be read.', snapshot.line);
      return;
    }
    this.#waiting.push({ snapshot, time });
    this.#waitingRows += snapshot.rows.length;
    if (this.#isSeries) this.#release(false);
  }

  #release(isEnd: boolean): void {
    const waiting = this.#waiting;
    const isFull = waiting.length > MAX_WAITING || this.#waitingRows > MAX_WAITING_ROWS;
    if (!isEnd && !isFull && waiting.some(({ time }) => this.#isUndecided(time))) return;
    const { fileTimeMs } = this.#options;
    const last = waiting.findLast(({ time }) => this.#isUndecided(time))?.time;
    if (isEnd && last !== undefined && fileTimeMs !== undefined) this.#days.learnFromFile(last, fileTimeMs);
    this.#waiting = [];
    this.#waitingRows = 0;
    for (const { snapshot, time } of waiting) {
      if (snapshot.takenAtMs === undefined && time !== undefined) {
        if (this.#isUndecided(time)) this.#guessDays(snapshot.line);
        snapshot.takenAtMs = this.#days.timeOf(time);
        snapshot.timeFrom = 'text';
      } else if (snapshot.takenAtMs === undefined && !this.#isSeries && fileTimeMs !== undefined) {
        snapshot.takenAtMs = fileTimeMs;
        snapshot.timeFrom = 'file';
      }
      this.#options.onSnapshot(snapshot);
    }
  }

  #isUndecided(time: PrintedTime | undefined): boolean {
    return (
      time !== undefined && time.monthFirstMs !== time.dayFirstMs && this.#days.isMonthFirst === undefined
    );
  }

  #guessDays(line: number): void {
    if (this.#hasGuessedDays) return;
    this.#hasGuessedDays = true;
    const message =
      'Nothing in the text tells whether its dates begin with the day or with the month; they were read as month/day. ' +
      'Spans within one day are right either way. Write dates as 2026-11-29 to be sure.';
    this.remark(message, line);
  }

  #dropRow(limit: number, what: string): void {
    if (this.#droppedRows++ > 0) return;
    this.remark(`A snapshot has more than ${limit} ${what}; those beyond are not read.`);
  }
}

function isEmpty({ rows, memory, processes, blocks, verifier, verifierTotals }: PoolSnapshot): boolean {
  const count = rows.length + processes.length + blocks.length + verifier.length + Object.keys(memory).length;
  return count === 0 && verifierTotals === undefined;
}

/** A snapshot that says nothing yet. */
export function emptySnapshot(format: SnapshotFormat, file: string | undefined, line: number): PoolSnapshot {
  return { format, file, line, rows: [], memory: {}, processes: [], blocks: [], verifier: [] };
}
