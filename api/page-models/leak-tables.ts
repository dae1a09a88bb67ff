/** The tables under the suspects: all tags, processes, what Driver Verifier says, single blocks, memory. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { bytesInWords } from '../../data/quantity-words.ts';
import type { MemoryFacts } from '../../scanner/snapshots/pool-snapshot.ts';
import type { LeakAnswer, TagView } from '../leaks/leak-answer.ts';
import type { SortName } from '../leaks/leak-view.ts';
import { tagHref } from './answer-parts.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';
import { exactNumber, poolText } from './leak-numbers.ts';
import { type LeakPlace, leakVerdictMark } from './leak-suspect.ts';
import { proseParts } from './prose-parts.ts';
import { rowCharts } from './row-charts.ts';
import { tagParts } from './tag-text.ts';

/** Rows of a table of tags: some 250 KB of HTML, which a phone still sorts at once. */
export const MAX_TAG_ROWS = 500;
const MAX_PROCESSES = 25;
const MAX_VERIFIED = 50;
const MAX_VERIFIED_ALLOCATIONS = 20;
const MAX_BLOCK_ROWS = 50;
const MAX_GROUPS = 10;

/** A column of numbers: its head, with the unit, the order that has its largest first, and what stands in it. */
interface Column {
  head: string;
  by: SortName;
  of(tag: TagView): number | undefined;
}

/** Named as PoolMon names them, and to the last digit, so that they can be compared with its screen. */
const COLUMNS: readonly Column[] = [
  { head: 'Bytes', by: 'bytes', of: ({ last }) => last.bytes },
  { head: 'Growth, bytes', by: 'growth', of: ({ growthBytes }) => growthBytes },
  { head: 'Bytes an hour', by: 'rate', of: ({ bytesRate }) => bytesRate?.perHour },
  { head: 'Diff', by: 'diff', of: ({ last }) => last.diff },
  { head: 'Allocs', by: 'allocs', of: ({ last }) => last.allocs },
  { head: 'Frees', by: 'frees', of: ({ last }) => last.frees },
  { head: 'Bytes per alloc', by: 'per-alloc', of: ({ last }) => last.bytesPerAlloc },
];

/** Place, tag, chart, pool, verdict and owner. */
const FIXED_COLUMNS = 6;

/** The model of views/partials/leak-tags.hbs. Columns that no row has are left out. */
export function tagTable(
  { tags, matchingTags, totalTags, snapshots }: LeakAnswer,
  { hasLinks, sort }: LeakPlace,
) {
  const shown = tags.slice(0, MAX_TAG_ROWS);
  // Only the page has a script that draws them.
  const charts = hasLinks ? rowCharts(shown, snapshots) : null;
  const columns = COLUMNS.filter(({ of }) => shown.some(tag => of(tag) !== undefined));
  const left = matchingTags - shown.length;
  return {
    heads: columns.map(({ head, by }) => ({ head, by, isSorted: by === sort })),
    isBy: { suspicion: sort === 'suspicion', tag: sort === 'tag', pool: sort === 'pool' },
    charts: charts && { ...charts, columns: columns.length + FIXED_COLUMNS },
    rows: shown.map((tag, i) => ({
      chart: charts?.rows[i] ?? null,
      rank: tag.rank,
      tag: tagParts(tag.tag),
      href: hasLinks ? tag.links.page : null,
      isInexact: tag.isInexact,
      pool: tag.pool,
      verdict: leakVerdictMark(tag.verdict),
      cells: columns.map(({ of }) => exactNumber(of(tag))),
      summary: tag.summary ?? (tag.mapped.length > 0 ? `PoolMon says ${tag.mapped[0]}` : 'Nobody knows it.'),
    })),
    count:
      matchingTags === totalTags
        ? `${counted(totalTags, 'tag', 'tags')}.`
        : `${groupedNumber(matchingTags)} of ${counted(totalTags, 'tag', 'tags')}.`,
    all: left > 0 ? `Look in all ${groupedNumber(totalTags)} tags` : null,
    rest:
      left > 0
        ? `${counted(shown.length, 'row is', 'rows are')} shown, ${groupedNumber(left)} more left out. Filters bring them up; \`pooltag leaks --format csv\` has all.`
        : null,
  };
}

/** How many of all tags have each verdict, those that none has left out. */
export function verdictCounts({ verdicts }: LeakAnswer) {
  return Object.entries(verdicts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => ({
      verdict: leakVerdictMark(verdict as keyof typeof verdicts),
      count: groupedNumber(count),
    }));
}

/** Tags that rise together. */
export function groupList({ groups }: LeakAnswer, { hasLinks }: LeakPlace) {
  const one = ({ tag, pool }: LeakAnswer['groups'][number]['head']) => ({
    tag: tagParts(tag),
    pool,
    href: hasLinks ? tagHref(tag as PoolTag) : null,
  });
  return groups.slice(0, MAX_GROUPS).map(group => ({
    head: one(group.head),
    members: group.members.map(one),
    reason: proseParts(group.reason),
  }));
}

/** A table with only those columns that some row fills. */
export interface PlainTable {
  caption: string;
  /** The first column is the name of the row. */
  nameHead: string;
  heads: string[];
  rows: { name: string; cells: string[] }[];
  rest: string | null;
}

/** Processes, most handles first. */
export function processTable({ processes }: LeakAnswer): PlainTable | null {
  return plainTable(
    { caption: 'Processes, most handles first', nameHead: 'Process', most: MAX_PROCESSES },
    processes,
    ({ name }) => name,
    [
      ['Process ID', ({ processId }) => (processId === undefined ? undefined : String(processId))],
      ['Handles', ({ handles }) => number(handles)],
      ['Threads', ({ threads }) => number(threads)],
      ['Nonpaged, bytes', ({ nonpagedBytes }) => number(nonpagedBytes)],
      ['Paged, bytes', ({ pagedBytes }) => number(pagedBytes)],
      ['Commit, bytes', ({ commitBytes }) => number(commitBytes)],
    ],
  );
}

/** Drivers that Driver Verifier watches, each with the allocations that it listed. */
export function verifierTables({
  verifier,
}: LeakAnswer): { table: PlainTable; allocations: PlainTable[] } | null {
  const table = plainTable(
    { caption: 'Drivers that Driver Verifier watches', nameHead: 'Driver', most: MAX_VERIFIED },
    verifier,
    ({ driver, isUnloaded }) => (isUnloaded ? `${driver} (unloaded)` : driver),
    [
      ['Nonpaged allocations', ({ nonpagedAllocs }) => number(nonpagedAllocs)],
      ['Nonpaged, bytes', ({ nonpagedBytes }) => number(nonpagedBytes)],
      ['Paged allocations', ({ pagedAllocs }) => number(pagedAllocs)],
      ['Paged, bytes', ({ pagedBytes }) => number(pagedBytes)],
    ],
  );
  if (table === null) return null;
  const allocations = verifier.slice(0, MAX_VERIFIED).map(({ driver, allocations }) =>
    plainTable(
      {
        caption: `Allocations of ${driver}`,
        nameHead: 'Address',
        most: MAX_VERIFIED_ALLOCATIONS,
      },
      allocations,
      ({ address }) => address,
      [
        ['Tag', ({ tag }) => tagText(tag)],
        ['Pool', ({ pool }) => pool],
        ['Bytes', ({ sizeBytes }) => number(sizeBytes)],
        ['Caller', ({ caller }) => caller],
      ],
    ),
  );
  return { table, allocations: allocations.filter(one => one !== null) };
}

/** Single blocks, summed up by tag. */
export function blockTable({ blocks }: LeakAnswer): PlainTable | null {
  return plainTable(
    { caption: 'Single blocks that were listed', nameHead: 'Tag', most: MAX_BLOCK_ROWS },
    blocks,
    ({ tag }) => tagText(tag),
    [
      ['Pool', ({ pool }) => (pool === undefined ? undefined : poolText(pool))],
      ['Blocks', ({ count }) => number(count)],
      ['Of these free', ({ free }) => number(free)],
      ['Bytes', ({ bytes }) => number(bytes)],
    ],
  );
}

const MEMORY_LABELS: readonly [label: string, name: keyof MemoryFacts, isCount?: true][] = [
  ['Nonpaged pool', 'nonpagedBytes'],
  ['Nonpaged pool, limit', 'nonpagedLimitBytes'],
  ['Nonpaged allocations', 'nonpagedAllocs', true],
  ['Paged pool', 'pagedBytes'],
  ['Paged pool, limit', 'pagedLimitBytes'],
  ['Paged pool in memory', 'pagedResidentBytes'],
  ['Paged allocations', 'pagedAllocs', true],
  ['Physical memory', 'physicalBytes'],
  ['Available', 'availableBytes'],
  ['Committed', 'commitBytes'],
  ['Commit limit', 'commitLimitBytes'],
  ['Commit peak', 'commitPeakBytes'],
];

/** What is known of the machine's memory. */
export function memoryRows({ memory }: LeakAnswer) {
  return MEMORY_LABELS.flatMap(([label, name, isCount]) => {
    const value = memory[name];
    return value === undefined ? [] : [{ label, text: isCount ? exactNumber(value) : bytesInWords(value) }];
  });
}

function plainTable<Row>(
  { caption, nameHead, most }: { caption: string; nameHead: string; most: number },
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  columns: readonly (readonly [head: string, of: (row: Row) => string | undefined])[],
): PlainTable | null {
  if (rows.length === 0) return null;
  const shown = rows.slice(0, most);
  const filled = columns.filter(([, of]) => shown.some(row => of(row) !== undefined));
  return {
    caption,
    nameHead,
    heads: filled.map(([head]) => head),
    rows: shown.map(row => ({ name: nameOf(row), cells: filled.map(([, of]) => of(row) ?? '–') })),
    rest: rows.length > most ? `And ${groupedNumber(rows.length - most)} more.` : null,
  };
}

function number(value: number | undefined): string | undefined {
  return value === undefined ? undefined : exactNumber(value);
}
