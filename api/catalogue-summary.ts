/** What a catalogue says of itself: what is loaded, and how far its scan has come. */

/** How far a scan has come, for people who wait. */
export interface ScanProgress {
  state: 'idle' | 'running' | 'done';
  /** Files finished. */
  done: number;
  /** Files to do; null while they are still being looked for. */
  total: number | null;
  currentFolder: string | null;
  /** ISO 8601 UTC. */
  startedAt: string | null;
  finishedAt: string | null;
}

/** What is loaded, in numbers. */
export interface CatalogueSummary {
  /** Tags and wildcard entries that a list names or a driver is seen to use; bare literals do not count. */
  tags: number;
  /** Entries of our own list. */
  knowledgeEntries: number;
  articles: number;
  tagFiles: { path: string; version: string | null; entries: number; remarks: number }[];
  drivers: number;
  /** Of `drivers`, those that ship with the program. */
  sampleDrivers: number;
  refused: number;
  index: string;
  scan: ScanProgress;
}

/** Before any scan. */
export const NO_SCAN: ScanProgress = {
  state: 'idle',
  done: 0,
  total: null,
  currentFolder: null,
  startedAt: null,
  finishedAt: null,
};
