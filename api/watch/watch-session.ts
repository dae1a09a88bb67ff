/** WatchSession: reads the pools time after time, and keeps what the screen and the text are made from. */
import type { LiveSource } from '../../scanner/live/live-source.ts';
import type { MemoryFacts, PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { PooltagError } from '../pooltag-error.ts';
import type { LogKeeper } from './log-keeper.ts';
import type { FrameParts } from './watch-frame.ts';
import type { WatchOwners } from './watch-owners.ts';
import { WatchHistory, type WatchRow } from './watch-row.ts';
import type { WatchVerdicts } from './watch-verdicts.ts';
import { rowsInView, type WatchView } from './watch-view.ts';

export interface SessionParts {
  source: LiveSource;
  owners: WatchOwners;
  verdicts: WatchVerdicts;
  /** Undefined where nothing is logged. */
  keeper: LogKeeper | undefined;
  computer: string;
  everyMs: number;
}

export class WatchSession {
  readonly #parts: SessionParts;
  readonly #history = new WatchHistory();
  #rows: WatchRow[] = [];
  #last: PoolSnapshot | undefined;
  #firstMemory: MemoryFacts = {};
  #note = '';

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** What went wrong with the last reading, or is odd about it; empty where all is well. */
  get note(): string {
    return this.#note;
  }

  /**
   * Reads once. The first reading that fails throws `pools-unreadable`; of a later one the note tells, and what was read
   * before stays.
   */
  async read(nowMs: number): Promise<void> {
    const { source, owners, verdicts, keeper } = this.#parts;
    const outcome = source.read(nowMs);
    if (outcome.status === 'refused') {
      const { message } = outcome.reason;
      if (this.#last === undefined) throw new PooltagError('pools-unreadable', message);
      this.#note = message;
      return;
    }
    const { snapshot, remarks } = outcome;
    this.#note = remarks.join(' ');
    if (this.#last === undefined) {
      this.#firstMemory = snapshot.memory;
      // Who is asked for the first time may not be there at all: that is worth an end, a later silence is not.
      await owners.learn(tagsOf(snapshot));
    } else await this.#learn(snapshot);
    this.#rows = this.#history.take(snapshot);
    verdicts.add(snapshot);
    keeper?.take(snapshot);
    this.#last = snapshot;
  }

  async #learn(snapshot: PoolSnapshot): Promise<void> {
    try {
      await this.#parts.owners.learn(tagsOf(snapshot));
    } catch (error) {
      this.#note = `Owners of new tags are not known: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** What is to be shown in this view. */
  picture(view: WatchView): FrameParts {
    const { owners, verdicts, computer, everyMs } = this.#parts;
    const judged = this.#rows.map(row => ({ ...row, ...verdicts.of(row), owner: owners.of(row.tag) }));
    const shown = rowsInView(judged, view);
    const { worst } = verdicts;
    return {
      computer,
      takenAtMs: this.#last?.takenAtMs ?? 0,
      everyMs,
      memory: this.#last?.memory ?? {},
      firstMemory: this.#firstMemory,
      view,
      rows: { inView: shown.length, all: this.#rows.length },
      worst,
      worstOwner: worst === undefined ? '' : owners.of(worst.tag),
      shown,
      note: this.#note,
    };
  }
}

function tagsOf({ rows }: PoolSnapshot) {
  return rows.map(({ tag }) => tag);
}
