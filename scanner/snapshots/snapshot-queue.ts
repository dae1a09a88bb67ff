/** SnapshotQueue: snapshots wait here until it is known when they were taken. */

import { DayOrder } from './day-order.ts';
import type { PoolSnapshot, SnapshotFormat } from './pool-snapshot.ts';
import type { PrintedTime } from './printed-time.ts';

/** How many snapshots wait until day and month are told apart: a day of half-hours, in few megabytes. */
const MAX_WAITING = 48;
const MAX_WAITING_ROWS = 150_000;

interface QueueOptions {
  /** When the file was written: the time of snapshots where the text has none. */
  fileTimeMs?: number;
  onSnapshot(snapshot: PoolSnapshot): void;
  onRemark(message: string, line: number): void;
}

export class SnapshotQueue {
  readonly #options: QueueOptions;
  readonly #days = new DayOrder();
  readonly #formats = new Set<SnapshotFormat>();
  #waiting: { snapshot: PoolSnapshot; time: PrintedTime | undefined }[] = [];
  #waitingRows = 0;
  /** There is more than one snapshot of a format: the date of the file is the time of none. */
  #isSeries = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** A snapshot of this format has begun. */
  note(format: SnapshotFormat): void {
    if (this.#formats.has(format)) this.#isSeries = true;
    this.#formats.add(format);
    this.#release(false);
  }

  /** A date in the text, on this line. */
  learn(time: PrintedTime, line: number): void {
    if (!this.#days.learn(time)) return;
    this.#options.onRemark(
      'This date shows that days come before months here; the dates before it were read as month/day, so that spans are not right.',
      line,
    );
  }

  /** Takes a complete snapshot, and the date that stood before it. */
  push(snapshot: PoolSnapshot, time: PrintedTime | undefined): void {
    this.#waiting.push({ snapshot, time });
    this.#waitingRows += snapshot.rows.length;
    this.#release(false);
  }

  /** Hands out all that wait. */
  end(): void {
    this.#release(true);
  }

  #release(isEnd: boolean): void {
    if (!isEnd && !this.#isSeries) return;
    const waiting = this.#waiting;
    const isFull = waiting.length > MAX_WAITING || this.#waitingRows > MAX_WAITING_ROWS;
    const undecided = waiting.findLast(({ time }) => time !== undefined && this.#days.isUndecided(time));
    if (undecided !== undefined) {
      if (!isEnd && !isFull) return;
      this.#decide(undecided.time!, undecided.snapshot.line);
    }
    this.#waiting = [];
    this.#waitingRows = 0;
    for (const { snapshot, time } of waiting) {
      this.#setTime(snapshot, time);
      this.#options.onSnapshot(snapshot);
    }
  }

  #decide(time: PrintedTime, line: number): void {
    if (!this.#days.decide(time, this.#options.fileTimeMs)) return;
    this.#options.onRemark(
      'Nothing up to here tells whether dates begin with the day or with the month; they are read as month/day. ' +
        'Spans within one day are right either way. Write dates as 2026-11-29 to be sure.',
      line,
    );
  }

  #setTime(snapshot: PoolSnapshot, time: PrintedTime | undefined): void {
    const { fileTimeMs } = this.#options;
    if (snapshot.takenAtMs !== undefined) return;
    if (time !== undefined) {
      snapshot.takenAtMs = this.#days.timeOf(time);
      snapshot.timeFrom = 'text';
    } else if (!this.#isSeries && fileTimeMs !== undefined) {
      snapshot.takenAtMs = fileTimeMs;
      snapshot.timeFrom = 'file';
    }
  }
}
