/** LogKeeper: decides which snapshots go into the log, writes one at a time, and says each trouble once. */
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { snapshotLine } from './snapshot-line.ts';
import type { SnapshotLog } from './snapshot-log.ts';

export interface LogKeeperOptions {
  log: Pick<SnapshotLog, 'append'>;
  /** Milliseconds between two snapshots in the log. */
  everyMs: number;
  computer: string;
  /** Takes what the user should know, in full sentences. */
  onTrouble(message: string): void;
}

/** A snapshot that comes a little early, since the screen has another interval, is as good. */
const EARLY_SHARE = 0.02;

export class LogKeeper {
  readonly #options: LogKeeperOptions;
  #lastMs: number | undefined;
  #newest: PoolSnapshot | undefined;
  #writing: Promise<void> | undefined;
  /** What was said since all was well, without its numbers. */
  readonly #said = new Set<string>();
  #hasFailed = false;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
  }

  /** Takes the next snapshot; writes it where it is time for one. */
  take(snapshot: PoolSnapshot): void {
    this.#newest = snapshot;
    const { everyMs } = this.#options;
    const now = snapshot.takenAtMs ?? 0;
    const since = this.#lastMs === undefined ? Number.POSITIVE_INFINITY : now - this.#lastMs;
    // A clock that was put back must not stop the log.
    if (since >= 0 && since < everyMs * (1 - EARLY_SHARE)) return;
    if (this.#writing !== undefined) {
      this.#say('The disk has not yet taken the last snapshot of the log; this one is left out.');
      return;
    }
    this.#write(snapshot);
  }

  /** Writes the newest snapshot if the log does not have it, and waits for the disk. */
  async finish(): Promise<void> {
    await this.#writing;
    const newest = this.#newest;
    if (newest !== undefined && newest.takenAtMs !== this.#lastMs) this.#write(newest);
    await this.#writing;
  }

  #write(snapshot: PoolSnapshot): void {
    const { log, computer } = this.#options;
    this.#lastMs = snapshot.takenAtMs;
    this.#writing = log
      .append(snapshotLine(snapshot, computer))
      .then(
        remarks => {
          if (this.#hasFailed) {
            this.#hasFailed = false;
            this.#said.clear();
            this.#options.onTrouble('The log is written again.');
          }
          for (const remark of remarks) this.#say(remark);
        },
        (error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          this.#hasFailed = true;
          this.#say(`A snapshot could not be written to the log (${why}). Watching goes on.`);
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** The same trouble, or one that differs in its numbers, is said once. */
  #say(message: string): void {
    const kind = message.replace(/\d[\d,]*/g, '0');
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    this.#options.onTrouble(message);
  }
}
