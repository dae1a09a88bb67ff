/** A world for watching whose clock, keys, window and pools the test moves. */

import type { WatchTerminal } from '../../../api/watch/watch-terminal.ts';
import type { Analysis } from '../../../api/watch/watch-verdicts.ts';
import type { WatchWorld } from '../../../api/watch/watch-world.ts';
import { poolTag } from '../../../data/pool-tag.ts';
import type { TagTrend } from '../../../scanner/leaks/leak-report.ts';
import type { LiveOutcome, LiveSource } from '../../../scanner/live/live-source.ts';
import type { MemoryFacts, PoolRow, PoolSnapshot } from '../../../scanner/snapshots/pool-snapshot.ts';

export const BEGIN = Date.UTC(2026, 10, 29, 10);

export function row(
  tag: string,
  pool: PoolRow['pool'],
  allocs: number,
  frees: number,
  bytes: number,
): PoolRow {
  return { tag: poolTag(tag), pool, allocs, frees, bytes, diff: allocs - frees };
}

export function snapshotOf(rows: PoolRow[], takenAtMs = BEGIN, memory: MemoryFacts = {}): PoolSnapshot {
  return {
    format: 'pooltag-json',
    file: undefined,
    line: 1,
    takenAtMs,
    timeFrom: 'given',
    rows,
    memory,
    processes: [],
    blocks: [],
    verifier: [],
  };
}

/** A source that gives these rows, by the number of the reading from 0. */
export function sourceOf(
  rowsAt: (reading: number) => PoolRow[] | LiveOutcome,
): LiveSource & { readings: number } {
  return {
    readings: 0,
    read(nowMs) {
      const given = rowsAt(this.readings++);
      if (!Array.isArray(given)) return given;
      return { status: 'read', snapshot: snapshotOf(given, nowMs), remarks: [] };
    },
  };
}

export function refusal(message: string): LiveOutcome {
  return { status: 'refused', reason: { code: 'failed', message } };
}

export function trend(tag: string, pool: PoolRow['pool'], verdict: TagTrend['verdict']): TagTrend {
  return {
    tag: poolTag(tag),
    pool,
    isInexact: false,
    verdict,
    reasons: [`Says the test of ${verdict}.`],
    snapshots: 3,
    first: {},
    last: {},
    events: [],
    mapped: [],
    series: { snapshot: [0], bytes: [1], diff: [1] },
  };
}

/** An analysis that reports these tags; it counts what it is asked. */
export function analysisOf(
  tags: TagTrend[],
  onReport = () => {},
): Analysis & { added: number; reports: number } {
  return {
    added: 0,
    reports: 0,
    add() {
      this.added++;
    },
    async report() {
      this.reports++;
      onReport();
      return tags;
    },
    async close() {},
  };
}

/** Resolves once something holds, which the disk or another process brings about; the test's own time limit ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}

/** A clock that stands still but for those who wait. */
export interface FakeWorld extends WatchWorld {
  /** Before each wait: a test moves keys and windows here. */
  onWait: (waits: number) => void | Promise<void>;
  waits: number;
}

export function fakeWorld(
  source: LiveSource,
  {
    terminal = null,
    analysis = analysisOf([]),
  }: { terminal?: WatchTerminal | null; analysis?: Analysis } = {},
): FakeWorld {
  let elapsed = 0;
  const world: FakeWorld = {
    waits: 0,
    onWait: () => {},
    openSource: async () => source,
    terminal: () => terminal,
    nowMs: () => BEGIN + elapsed,
    elapsedMs: () => elapsed,
    async wait(ms, signal) {
      await world.onWait(++world.waits);
      if (!signal.aborted) elapsed += ms;
    },
    computer: 'TESTHOST',
    newAnalysis: async () => analysis,
  };
  return world;
}

/** A window that keeps what is drawn on it, as a terminal would show it. */
export class FakeTerminal implements WatchTerminal {
  width = 120;
  height = 20;
  written = '';
  guards = 0;
  isOther = false;
  isCursorShown = true;
  isWrapping = true;
  #lines: string[] = [];
  #keyListeners = new Set<(key: string) => void>();
  #resizeListeners = new Set<() => void>();

  columns = () => this.width;
  rows = () => this.height;
  write = (text: string, done: () => void) => {
    this.written += text;
    this.#show(text);
    done();
  };
  onKey(listener: (key: string) => void) {
    this.#keyListeners.add(listener);
    return () => void this.#keyListeners.delete(listener);
  }
  onResize(listener: () => void) {
    this.#resizeListeners.add(listener);
    return () => void this.#resizeListeners.delete(listener);
  }
  guard() {
    this.guards++;
    return () => void this.guards--;
  }

  press(...keys: string[]): void {
    for (const key of keys) for (const listener of [...this.#keyListeners]) listener(key);
  }
  resize(width: number, height: number): void {
    [this.width, this.height] = [width, height];
    for (const listener of [...this.#resizeListeners]) listener();
  }
  get listeners(): number {
    return this.#keyListeners.size + this.#resizeListeners.size;
  }
  /** What stands on the screen, colours left out. */
  get screen(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour code
    return this.#lines.map(line => (line ?? '').replace(/\u001b\[\d+m/g, '')).join('\n');
  }

  /** Understands what ScreenPainter sends, and nothing else. */
  #show(text: string): void {
    let at = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
    for (const part of text.split(/(\u001b\[(?:\?\d+[hl]|\d+;1H|2J|J|K))/)) {
      const move = /^.\[(\d+);1H$/s.exec(part);
      if (move !== null) at = Number(move[1]) - 1;
      else if (/^.\[2J$/s.test(part)) this.#lines = [];
      else if (/^.\[J$/s.test(part)) this.#lines.length = at;
      else if (/^.\[K$/s.test(part)) continue;
      else if (part.endsWith('?1049h') || part.endsWith('?1049l')) this.isOther = part.endsWith('h');
      else if (part.endsWith('?25h') || part.endsWith('?25l')) this.isCursorShown = part.endsWith('h');
      else if (part.endsWith('?7h') || part.endsWith('?7l')) this.isWrapping = part.endsWith('h');
      else if (part !== '') {
        if (/[\r\n]/.test(part)) throw new Error(`A line has a line end: ${JSON.stringify(part)}`);
        this.#lines[at] = part;
      }
    }
  }
}
