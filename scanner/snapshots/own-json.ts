/** Reads the JSON lines that `pooltag watch --log` writes: one snapshot on each line. */
import { tagFromId } from '../../data/pool-tag.ts';
import { printableText } from '../pe/printable-text.ts';
import type { MemoryFacts, PoolRow, PoolSnapshot } from './pool-snapshot.ts';
import { outstanding } from './printed-number.ts';
import { isoTime } from './printed-time.ts';
import type { ReadSession } from './read-session.ts';

const OWN_LINE = /^\s*\{\s*"pooltag"\s*:\s*"/;
const VERSION = 1;
/** A line has three levels, and a computer's name may have brackets. Parsing millions of levels takes seconds. */
const MAX_DEPTH = 10;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MEMORY_FACTS = new Set<keyof MemoryFacts>([
  'physicalBytes',
  'availableBytes',
  'commitBytes',
  'commitLimitBytes',
  'commitPeakBytes',
  'nonpagedBytes',
  'pagedBytes',
  'nonpagedAllocs',
  'pagedAllocs',
  'pagedResidentBytes',
  'nonpagedLimitBytes',
  'pagedLimitBytes',
]);

export class OwnJson {
  readonly #session: ReadSession;

  constructor(session: ReadSession) {
    this.#session = session;
  }

  /** Takes a line of our own, of whatever kind; false for any other text. */
  take(line: string): boolean {
    if (!OWN_LINE.test(line)) return false;
    const value = parsed(line);
    if (value === undefined) {
      this.#session.remark(
        'This line of a pooltag log is not whole, perhaps because the writer was stopped; it is left out.',
      );
      return true;
    }
    const record = value as Record<string, unknown>;
    if (record.pooltag !== 'snapshot') return true;
    if (record.version !== VERSION || !Array.isArray(record.rows)) {
      this.#session.remark(
        `This snapshot is not of version ${VERSION} of the log, the only one that this program reads; a newer pooltag may.`,
      );
      return true;
    }
    this.#fill(this.#session.begin('pooltag-json'), record, record.rows);
    this.#session.complete();
    return true;
  }

  #fill(snapshot: PoolSnapshot, record: Record<string, unknown>, rows: unknown[]): void {
    const takenAtMs = typeof record.takenAt === 'string' ? isoTime(record.takenAt) : undefined;
    if (takenAtMs === undefined) {
      this.#session.remark('This snapshot has no time of the form 2026-11-29T10:00:00.000Z in takenAt.');
    } else {
      snapshot.takenAtMs = takenAtMs;
      snapshot.timeFrom = 'text';
    }
    if (typeof record.computer === 'string' && record.computer !== '') {
      snapshot.computer = printableText(record.computer, 100);
    }
    if (typeof record.memory === 'object' && record.memory !== null) {
      for (const [fact, amount] of Object.entries(record.memory)) {
        const isKnown = MEMORY_FACTS.has(fact as keyof MemoryFacts);
        if (isKnown && isCount(amount)) snapshot.memory[fact as keyof MemoryFacts] = amount;
      }
    }
    let unread = 0;
    for (const row of rows) {
      const read = rowOf(row);
      if (read === undefined) unread++;
      else this.#session.addRow(read);
    }
    if (unread > 0) {
      this.#session.remark(
        `${unread} rows of this snapshot are not of the form ["54687265","nonpaged",allocs,frees,bytes].`,
      );
    }
  }
}

/** The value of a line of JSON; undefined where it is none, or nests as no line of ours does. */
function parsed(line: string): unknown {
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if ((code === OPEN_ARRAY || code === OPEN_OBJECT) && ++depth > MAX_DEPTH) return undefined;
    if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
  }
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function rowOf(value: unknown): PoolRow | undefined {
  if (!Array.isArray(value)) return undefined;
  const [id, pool, allocs, frees, bytes] = value as unknown[];
  const tag = typeof id === 'string' ? tagFromId(id) : undefined;
  if (tag === undefined || (pool !== 'nonpaged' && pool !== 'paged')) return undefined;
  const row: PoolRow = { tag, pool };
  if (isCount(allocs)) row.allocs = allocs;
  if (isCount(frees)) row.frees = frees;
  if (row.allocs !== undefined && row.frees !== undefined) {
    const diff = outstanding(row.allocs, row.frees);
    if (diff !== undefined) row.diff = diff;
  }
  if (isCount(bytes)) row.bytes = bytes;
  return row;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
