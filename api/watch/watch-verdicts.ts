/** WatchVerdicts: feeds the analysis of leaks and asks it for a report, seldom enough that watching for days costs little. */
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { rowKey } from './watch-row.ts';

/** The part of the analysis that watching needs. */
export interface Analysis {
  add(snapshot: PoolSnapshot): void;
  /** The tags of a report, the most suspicious first. Rejects where there can be none any more. */
  report(): Promise<readonly TagTrend[]>;
  close(): Promise<void>;
}

export interface VerdictOptions {
  /** Milliseconds of a clock that nobody sets. */
  elapsedMs(): number;
  /** There are new verdicts. */
  onChange(): void;
  /** Takes what the user should know, in full sentences. */
  onTrouble(message: string): void;
}

/** Fewer snapshots cannot tell one shape from another, and a hasty word on a few seconds would be believed. */
const FEWEST_SNAPSHOTS = 6;
/** A verdict needs no more haste than that. */
const SHORTEST_PAUSE_MS = 10_000;
/** After a report that took a time, twenty times as long passes before the next: a twentieth of one processor. */
const PAUSES_FOR_EACH = 20;
/** Snapshots that wait for a report to be done: more are left out of the analysis, so that memory stays bounded. */
const MAX_WAITING = 200;

/** The verdict on a tag in a pool, with its place among all. */
export interface Verdict {
  trend: TagTrend;
  /** From 1, the most suspicious first. */
  rank: number;
}

export class WatchVerdicts {
  readonly #analysis: Analysis;
  readonly #options: VerdictOptions;
  #byKey = new Map<string, Verdict>();
  #worst: TagTrend | undefined;
  #added = 0;
  #nextReportMs = 0;
  /** Snapshots added since the report that is being made was asked for; undefined while none is. */
  #waiting: number | undefined;
  #hasEnded = false;

  constructor(analysis: Analysis, options: VerdictOptions) {
    this.#analysis = analysis;
    this.#options = options;
  }

  /** The most suspicious tag, where one is leaking or suspicious. */
  get worst(): TagTrend | undefined {
    return this.#worst;
  }

  /** The verdict of the last report. */
  of(row: Pick<TagTrend, 'tag' | 'pool'>): Verdict | undefined {
    return this.#byKey.get(rowKey(row));
  }

  /** Takes a snapshot, and asks for a report where it is time for one. */
  add(snapshot: PoolSnapshot): void {
    if (this.#hasEnded || (this.#waiting ?? 0) >= MAX_WAITING) return;
    this.#analysis.add(snapshot);
    this.#added++;
    if (this.#waiting !== undefined) {
      this.#waiting++;
      return;
    }
    const begin = this.#options.elapsedMs();
    if (this.#added < FEWEST_SNAPSHOTS || begin < this.#nextReportMs) return;
    this.#waiting = 0;
    this.#analysis.report().then(
      tags => this.#take(tags, begin),
      (error: unknown) => this.#end(error),
    );
  }

  async close(): Promise<void> {
    this.#hasEnded = true;
    await this.#analysis.close();
  }

  #take(tags: readonly TagTrend[], begin: number): void {
    const end = this.#options.elapsedMs();
    this.#nextReportMs = end + Math.max(SHORTEST_PAUSE_MS, (end - begin) * PAUSES_FOR_EACH);
    this.#waiting = undefined;
    this.#byKey = new Map(tags.map((trend, index) => [rowKey(trend), { trend, rank: index + 1 }]));
    this.#worst = tags.find(({ verdict }) => verdict === 'leaking' || verdict === 'suspicious');
    if (!this.#hasEnded) this.#options.onChange();
  }

  #end(error: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.onTrouble(
      `No further verdicts are made, since the analysis failed (${why}). Watching goes on; start again for verdicts.`,
    );
  }
}
