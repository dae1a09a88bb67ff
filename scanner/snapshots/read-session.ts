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
import type { PrintedTime } from './printed-time.ts';
import { SnapshotQueue } from './snapshot-queue.ts';

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
  readonly #queue: SnapshotQueue;
  #currentTime: PrintedTime | undefined;
  #time: { printed: PrintedTime; usedBy: Set<SnapshotFormat> } | undefined;
  #remarks = 0;
  #droppedRows = 0;
  readonly #counted = new Map<string, number>();

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#queue = new SnapshotQueue({
      fileTimeMs: options.fileTimeMs,
      onSnapshot: options.onSnapshot,
      onRemark: (message, line) => this.remark(message, line),
    });
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
    this.#queue.note(format);
  }

  /** Hands out the current snapshot. */
  complete(): void {
    const snapshot = this.current;
    if (snapshot === undefined) return;
    this.current = undefined;
    this.#push(snapshot, this.#currentTime);
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
    this.#push(snapshot, undefined);
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
    if (process.name === '') process.name = 'unnamed process';
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
    this.#queue.learn(time, this.line);
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
    this.#queue.end();
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
    this.#queue.note(format);
  }

  #push(snapshot: PoolSnapshot, time: PrintedTime | undefined): void {
    this.onComplete(snapshot);
    if (isEmpty(snapshot))
      this.remark('A table begins here that has no row that can be read.', snapshot.line);
    else this.#queue.push(snapshot, time);
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
