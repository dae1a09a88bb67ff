/** WatchView: what of the pools is shown and in which order, and what each key does to that. */
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import type { SortName } from '../leaks/leak-view.ts';
import { type TagFilters, tagFilter } from '../leaks/tag-filter.ts';
import type { WatchRow } from './watch-row.ts';

export interface WatchView extends TagFilters {
  sort: SortName;
  /** Allocations, frees, bytes and bytes per allocation are sorted by their change instead. */
  byChange: boolean;
  /** Both where it is absent. */
  pool?: Pool | undefined;
  /** At most so many rows; the screen's height may allow fewer. */
  top: number;
  /** The sums of each pool, below the rows. */
  hasTotals: boolean;
  /** The keys are shown instead of the rows. */
  hasHelp: boolean;
  /** Rows that are scrolled past. */
  skipped: number;
}

/** A row with the verdict on its tag, where there is one. */
export interface JudgedRow extends WatchRow {
  trend?: TagTrend | undefined;
  /** Place in the report, from 1. */
  rank?: number | undefined;
}

/** What a key sorts by: PoolMon's keys (S as in its version for Windows 2000), and two of our own. */
const SORT_KEYS: ReadonlyMap<string, SortName> = new Map([
  ['b', 'bytes'],
  ['m', 'per-alloc'],
  ['t', 'tag'],
  ['a', 'allocs'],
  ['f', 'frees'],
  ['d', 'diff'],
  ['s', 'diff'],
  ['g', 'growth'],
  ['v', 'suspicion'],
]);

/** Each key with what it does, for the help on the screen. */
export const KEY_HELP: readonly (readonly [keys: string, what: string])[] = [
  ['P', 'nonpaged pool, paged pool, both, in turn'],
  ['B', 'sort by bytes'],
  ['M', 'sort by bytes per allocation'],
  ['T', 'sort by tag'],
  ['A', 'sort by allocations'],
  ['F', 'sort by frees'],
  ['D or S', 'sort by the difference: allocations in use'],
  ['G', 'sort by growth since the watch began'],
  ['V', 'sort by verdict, the most suspicious first'],
  ['( or )', 'sort A, F, B and M by the change since the last time; again: back'],
  ['E', 'totals of the pools, on and off'],
  ['arrows, Page, Home', 'scroll'],
  ['? or H', 'this help, on and off'],
  ['Q or Esc', 'end'],
];

/** What a key does: another view, or the end. `page` is how many rows the screen shows. Unknown keys change nothing. */
export function viewAfterKey(view: WatchView, key: string, page: number): WatchView | 'quit' | 'stop' {
  const name = key.toLowerCase();
  if (name === 'ctrl-c') return 'stop';
  if (view.hasHelp && (name === 'escape' || name === '?' || name === 'h')) return { ...view, hasHelp: false };
  const sort = SORT_KEYS.get(name);
  if (sort !== undefined) return { ...view, sort, skipped: 0, hasHelp: false };
  switch (name) {
    case 'q':
    case 'escape':
      return 'quit';
    case 'p':
      return { ...view, pool: nextPool(view.pool), skipped: 0, hasHelp: false };
    case '(':
    case ')':
      return { ...view, byChange: !view.byChange, skipped: 0, hasHelp: false };
    case 'e':
      return { ...view, hasTotals: !view.hasTotals };
    case '?':
    case 'h':
      return { ...view, hasHelp: true };
    case 'up':
      return scrolled(view, -1);
    case 'down':
      return scrolled(view, 1);
    case 'pageup':
      return scrolled(view, -page);
    case 'pagedown':
      return scrolled(view, page);
    case 'home':
      return { ...view, skipped: 0 };
    default:
      return view;
  }
}

function scrolled(view: WatchView, rows: number): WatchView {
  return { ...view, skipped: Math.max(0, view.skipped + rows) };
}

function nextPool(pool: Pool | undefined): Pool | undefined {
  if (pool === undefined) return 'nonpaged';
  return pool === 'nonpaged' ? 'paged' : undefined;
}

/** All rows that the filters let through, sorted; the bound on their number is the caller's. */
export function rowsInView<Row extends JudgedRow>(rows: readonly Row[], view: WatchView): Row[] {
  const isWanted = tagFilter(view);
  const compare = ORDERS[(view.byChange ? CHANGES.get(view.sort) : undefined) ?? view.sort];
  return rows
    .filter(({ tag, pool }) => (view.pool === undefined || pool === view.pool) && isWanted(tag))
    .sort((a, b) => compare(a, b) || byName(a, b));
}

/** The sort order in words, for the head of the screen. */
export function orderInWords({ sort, byChange }: WatchView): string {
  return `${sort}${byChange && CHANGES.has(sort) ? ' (change)' : ''}`;
}

type Compare = (a: JudgedRow, b: JudgedRow) => number;
type Order = SortName | 'allocs-change' | 'frees-change' | 'bytes-change';

const CHANGES: ReadonlyMap<SortName, Order> = new Map<SortName, Order>([
  ['allocs', 'allocs-change'],
  ['frees', 'frees-change'],
  ['bytes', 'bytes-change'],
  ['per-alloc', 'bytes-change'],
]);

const ORDERS: Record<Order, Compare> = {
  suspicion: (a, b) => (a.rank ?? Number.MAX_SAFE_INTEGER) - (b.rank ?? Number.MAX_SAFE_INTEGER),
  bytes: largestFirst(row => row.bytes),
  diff: largestFirst(row => row.diff),
  'per-alloc': largestFirst(row => row.perAlloc),
  allocs: largestFirst(row => row.allocs),
  frees: largestFirst(row => row.frees),
  growth: largestFirst(row => row.growthBytes),
  rate: largestFirst(row => row.trend?.bytesRate?.perHour),
  tag: byName,
  pool: (a, b) => compareText(a.pool, b.pool) || largestFirst(row => row.bytes)(a, b),
  'allocs-change': largestFirst(row => row.allocsChange),
  'frees-change': largestFirst(row => row.freesChange),
  'bytes-change': largestFirst(row => row.bytesChange),
};

function largestFirst(numberOf: (row: JudgedRow) => number | undefined): Compare {
  // What is not known comes last; a finite stand-in, since the difference of two infinities is no order.
  return (a, b) => (numberOf(b) ?? -Number.MAX_VALUE) - (numberOf(a) ?? -Number.MAX_VALUE);
}

function byName(a: JudgedRow, b: JudgedRow): number {
  return compareText(a.tag, b.tag) || compareText(a.pool, b.pool);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
