/** What stands above PoolMon's rows: totals of the machine's memory, and the names of the columns. */
import type { MemoryFacts } from './pool-snapshot.ts';

export type PoolmonColumn = 'allocs' | 'frees' | 'diff' | 'bytes' | 'per-alloc' | 'mapped';

export interface PoolmonTitle {
  /** Where the word Tag begins: rows have their tags there. */
  tagColumn: number;
  /** What stands before the title, and behind it. */
  before: string;
  behind: string;
  columns: PoolmonColumn[];
  /** Columns in the order that the quick reading of rows relies on. */
  isUsual: boolean;
}

const TITLE = /(?<![\w])Tag\s{1,40}Type\s{1,60}(?=Allocs|Frees|Diff|Bytes)/;
const COLUMN = /\s{0,60}(?:(Allocs)|(Frees)|(Diff)|(Bytes)|(Per[ -]?Alloc)|(Mapped[ _]Driver))(?![A-Za-z])/y;
const COLUMN_NAMES: PoolmonColumn[] = ['allocs', 'frees', 'diff', 'bytes', 'per-alloc', 'mapped'];

/** Reads the titles of the columns, wherever in the line they begin. */
export function readPoolmonTitle(line: string): PoolmonTitle | undefined {
  const found = TITLE.exec(line);
  if (found === null) return undefined;
  const columns: PoolmonColumn[] = [];
  let end = found.index + found[0].length;
  for (COLUMN.lastIndex = end; ; end = COLUMN.lastIndex) {
    const column = COLUMN.exec(line);
    if (column === null) break;
    columns.push(COLUMN_NAMES[column.slice(1).findIndex(name => name !== undefined)]);
  }
  if (!columns.includes('bytes') && !columns.includes('diff')) return undefined;
  const isUsual = columns.slice(0, 4).join() === 'allocs,frees,diff,bytes';
  const before = line.slice(0, found.index);
  return { tagColumn: found.index, before, behind: line.slice(end), columns, isUsual };
}

/** Each number of kilobytes with the word before it, which the two lines use twice: P is in RAM, then in the pool. */
const AMOUNT = /([A-Za-z]{1,12}):\s{0,12}(\d{1,13})\s?K\b/g;
const FACT_OF_LABEL: Record<string, keyof MemoryFacts> = {
  Memory: 'physicalBytes',
  Avail: 'availableBytes',
  Commit: 'commitBytes',
  Limit: 'commitLimitBytes',
  Peak: 'commitPeakBytes',
  'Krnl P': 'pagedResidentBytes',
  N: 'nonpagedBytes',
  'N P': 'pagedBytes',
};
const LABELS = new Map(Object.entries(FACT_OF_LABEL));

/** Reads `Memory: 260620K Avail: ...` and `Commit: ...` into the facts; false where the line is neither. */
export function readPoolmonTotals(line: string, memory: MemoryFacts): boolean {
  if (!isMemoryLine(line) && !isCommitLine(line)) return false;
  let previous = '';
  for (const [, label, kilobytes] of line.matchAll(AMOUNT)) {
    const fact = LABELS.get(label) ?? LABELS.get(`${previous} ${label}`);
    if (fact !== undefined) memory[fact] = Number(kilobytes) * 1024;
    previous = label;
  }
  return true;
}

/** The first line of PoolMon's screen: a snapshot begins. */
export function isMemoryLine(line: string): boolean {
  return /(?:^|\s|>)Memory:\s{0,12}\d+\s?K\s{1,12}Avail:/.test(line);
}

function isCommitLine(line: string): boolean {
  return /(?:^|\s|>)Commit:\s{0,12}\d+\s?K\s{1,12}Limit:/.test(line);
}
