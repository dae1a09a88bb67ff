/** The snapshots of a report, each once: what repeats another is named and left out. */
import type { PoolSnapshot } from '../snapshots/pool-snapshot.ts';
import type { SnapshotSummary } from './leak-report.ts';

/** More are not listed one by one, though they are compared: a week of 5 seconds has 120,000. */
const MAX_LISTED = 5_000;
/** Fingerprints of snapshots, to find those that were given twice. */
const MAX_FINGERPRINTS = 200_000;

export class SnapshotList {
  #listed: { arrival: number; summary: SnapshotSummary }[] = [];
  readonly #fingerprints = new Set<string>();
  count = 0;
  repeated = 0;
  /** The first one that repeats another. */
  firstRepeated: SnapshotSummary | undefined;

  /** The snapshot's number in the order they came, and whether it is a new one. `untimed` ones may be alike. */
  add(snapshot: PoolSnapshot, untimedMayRepeat: boolean): { arrival: number; isRepeated: boolean } {
    const { format, file, line, takenAtMs, timeFrom, session } = snapshot;
    const summary: SnapshotSummary = { format, file, line, rows: snapshot.rows.length };
    if (takenAtMs !== undefined) summary.takenAtMs = takenAtMs;
    if (timeFrom !== undefined) summary.timeFrom = timeFrom;
    if (session !== undefined) summary.session = session;
    const arrival = this.count++;
    this.#listed.push({ arrival, summary });
    const isRepeated =
      snapshot.rows.length > 0 &&
      !(untimedMayRepeat && takenAtMs === undefined) &&
      this.#isKnown(fingerprint(snapshot));
    if (isRepeated) {
      this.repeated++;
      this.firstRepeated ??= summary;
    }
    return { arrival, isRepeated };
  }

  /** Lets go of what no frame needs where the list has become too long. */
  shorten(neededArrivals: () => Set<number>): void {
    if (this.#listed.length <= MAX_LISTED) return;
    const needed = neededArrivals();
    let others = 0;
    // Every second of those without rows: they come by the thousand from performance logs.
    this.#listed = this.#listed.filter(({ arrival, summary }) =>
      summary.rows > 0 ? needed.has(arrival) : others++ % 2 === 0,
    );
  }

  /** The list, and the place in it of each snapshot that is there. */
  listed(): { summaries: SnapshotSummary[]; places: Map<number, number> } {
    return {
      summaries: this.#listed.map(({ summary }) => summary),
      places: new Map(this.#listed.map(({ arrival }, place) => [arrival, place])),
    };
  }

  #isKnown(print: string): boolean {
    if (this.#fingerprints.has(print)) return true;
    if (this.#fingerprints.size < MAX_FINGERPRINTS) this.#fingerprints.add(print);
    return false;
  }
}

/** Two 32-bit hashes (FNV-1a and a multiplicative one) over all rows, with the time that the text tells. */
function fingerprint({ rows, takenAtMs, session }: PoolSnapshot): string {
  let fnv = 0x811c9dc5;
  let other = 0x9e3779b9;
  const mix = (value: number) => {
    fnv = Math.imul(fnv ^ value, 0x01000193);
    other = Math.imul(other ^ (value + (other << 6) + (other >>> 2)), 0x85ebca6b);
  };
  for (const row of rows) {
    for (let i = 0; i < row.tag.length; i++) mix(row.tag.charCodeAt(i));
    mix(row.pool === 'paged' ? 1 : 2);
    for (const number of [row.allocs, row.frees, row.diff, row.bytes]) {
      mix(number === undefined ? 7 : number | 0);
      mix(number === undefined ? 7 : Math.floor(number / 2 ** 32) | 0);
    }
  }
  return `${takenAtMs ?? ''} ${session ?? ''} ${rows.length} ${fnv >>> 0} ${other >>> 0}`;
}
