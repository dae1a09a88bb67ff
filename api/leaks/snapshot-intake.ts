/** SnapshotIntake: texts in, a report on leaks out; what the command, REST and the page share. */
import type { AdviceRule } from '../../data/knowledge.ts';
import { isPattern, type PoolTag } from '../../data/pool-tag.ts';
import { LeakAnalysis } from '../../scanner/leaks/leak-analysis.ts';
import type { LeakReport } from '../../scanner/leaks/leak-report.ts';
import { SnapshotReader } from '../../scanner/snapshots/snapshot-reader.ts';

export interface IntakeOptions {
  /** How far apart the snapshots were taken, where their times do not tell. */
  everyMs?: number | undefined;
  /** What rises together; see {@link companionTags}. */
  companions: ReadonlyMap<PoolTag, readonly PoolTag[]>;
}

export class SnapshotIntake {
  readonly #analysis: LeakAnalysis;
  #snapshots = 0;

  constructor({ everyMs, companions }: IntakeOptions) {
    this.#analysis = new LeakAnalysis(everyMs === undefined ? { companions } : { everyMs, companions });
  }

  /** Snapshots that were recognised so far. */
  get snapshots(): number {
    return this.#snapshots;
  }

  /** A reader for one more text; `fileTimeMs` is when the file was written. Its `end` must be called. */
  open(file?: string, fileTimeMs?: number): SnapshotReader {
    return new SnapshotReader({
      ...(file === undefined ? {} : { file }),
      ...(fileTimeMs === undefined ? {} : { fileTimeMs }),
      onSnapshot: snapshot => {
        this.#snapshots++;
        this.#analysis.add(snapshot);
      },
      onRemark: remark => this.#analysis.addRemark(remark),
    });
  }

  /** What all of it says. */
  report(): LeakReport {
    return this.#analysis.report();
  }
}

/** What rises along with a tag, as the advice on it says. */
export function companionTags(advice: readonly AdviceRule[]): Map<PoolTag, readonly PoolTag[]> {
  const found = new Map<PoolTag, readonly PoolTag[]>();
  for (const { tags, companions } of advice) {
    if (companions.length === 0) continue;
    for (const tag of tags) {
      if (isPattern(tag)) continue;
      const others = companions.filter(other => other !== tag);
      found.set(tag as PoolTag, [...new Set([...(found.get(tag as PoolTag) ?? []), ...others])]);
    }
  }
  return found;
}

/** What is said where nothing was recognised. */
export const NOTHING_RECOGNISED =
  'No snapshot was recognised. Expected is what PoolMon, MemSnap, the debugger (!poolused, !poolfind, !pool, !vm, !process 0 0), Driver Verifier, Performance Monitor (CSV), Event 2004 (XML) or pooltag watch print, as text.';
