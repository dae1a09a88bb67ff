/** LeakView: which tags of a report are shown, and in which order; names as `pooltag leaks` and REST take them. */
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { type TagFilters, tagFilter } from './tag-filter.ts';

/** `suspicion` is the report's own order. */
export const SORT_NAMES = [
  'suspicion',
  'bytes',
  'diff',
  'per-alloc',
  'allocs',
  'frees',
  'growth',
  'rate',
  'tag',
  'pool',
] as const;
export type SortName = (typeof SORT_NAMES)[number];

/** PoolMon's keys. S sorted by difference in the version for Windows 2000. */
const POOLMON_KEYS: ReadonlyMap<string, SortName> = new Map([
  ['b', 'bytes'],
  ['d', 'diff'],
  ['s', 'diff'],
  ['m', 'per-alloc'],
  ['a', 'allocs'],
  ['f', 'frees'],
  ['t', 'tag'],
  ['p', 'pool'],
]);

/** What a sort order must be, to be put after "it must be". */
export const SORT_FORM = `one of ${SORT_NAMES.join(', ')}, or one of PoolMon's keys ${[...POOLMON_KEYS.keys()].join(', ')}`;

/** The sort order of a name or of one of PoolMon's keys, in any letter case; undefined for anything else. */
export function readSort(text: string): SortName | undefined {
  const name = text.trim().toLowerCase();
  return POOLMON_KEYS.get(name) ?? SORT_NAMES.find(known => known === name);
}

/** The pool of `nonp`, `paged` and their longer forms; undefined for anything else. */
export function readPool(text: string): Pool | undefined {
  const name = text.trim().toLowerCase();
  if (/^non-?p(aged)?$/.test(name)) return 'nonpaged';
  return name === 'paged' || name === 'page' ? 'paged' : undefined;
}

export interface LeakView extends TagFilters {
  /** Both where it is absent. */
  pool?: Pool | undefined;
  sort: SortName;
  /** How many tags are listed at most. */
  top: number;
}

/** Everything, in the report's own order. */
export const WHOLE_VIEW: LeakView = {
  include: [],
  exclude: [],
  sort: 'suspicion',
  top: Number.POSITIVE_INFINITY,
};

/** Whether the view leaves tags out, the bound on their number aside. */
export function isFiltered({ pool, include, exclude }: LeakView): boolean {
  return pool !== undefined || include.length > 0 || exclude.length > 0;
}

/** A tag with its place in the report, from 1. */
export type RankedTrend = TagTrend & { rank: number };

/** The tags that the filters let through, all of them, sorted as asked. */
export function tagsInView(tags: readonly TagTrend[], view: LeakView): RankedTrend[] {
  const isWanted = tagFilter(view);
  const ranked = tags
    .map((trend, index) => ({ ...trend, rank: index + 1 }))
    .filter(({ pool, tag }) => (view.pool === undefined || pool === view.pool) && isWanted(tag));
  const compare = ORDERS[view.sort];
  return compare === undefined ? ranked : ranked.sort((a, b) => compare(a, b) || a.rank - b.rank);
}

type Compare = (a: TagTrend, b: TagTrend) => number;

const byLast = (name: 'bytes' | 'diff' | 'bytesPerAlloc' | 'allocs' | 'frees'): Compare =>
  largestFirst(trend => trend.last[name]);

const ORDERS: Record<SortName, Compare | undefined> = {
  suspicion: undefined,
  bytes: byLast('bytes'),
  diff: byLast('diff'),
  'per-alloc': byLast('bytesPerAlloc'),
  allocs: byLast('allocs'),
  frees: byLast('frees'),
  growth: largestFirst(trend => trend.growthBytes),
  rate: largestFirst(trend => trend.bytesRate?.perHour),
  tag: (a, b) => compareText(a.tag, b.tag) || compareText(a.pool, b.pool),
  pool: (a, b) => compareText(a.pool, b.pool) || byLast('bytes')(a, b),
};

/** What was not printed comes last. */
function largestFirst(numberOf: (trend: TagTrend) => number | undefined): Compare {
  return (a, b) => {
    const [first, second] = [
      numberOf(a) ?? Number.NEGATIVE_INFINITY,
      numberOf(b) ?? Number.NEGATIVE_INFINITY,
    ];
    return first === second ? 0 : second > first ? 1 : -1;
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
