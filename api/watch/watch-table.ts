/** The table of tags: PoolMon's columns, then owner and verdict; columns are left out where the window is narrow. */
import { tagText } from '../../data/pool-tag.ts';
import { escapeControls, type Style } from '../terminal-text.ts';
import type { JudgedRow } from './watch-view.ts';

/** A row with its owner in words. */
export interface ShownRow extends JudgedRow {
  owner: string;
}

interface Column {
  title: string;
  isNumber?: true;
  /** Columns with higher numbers are left out first; 0 stays. */
  dispensable: number;
  cell(row: ShownRow): string;
}

const changed = (number: number): string => `(${String(number).padStart(4)})`;

/** The columns before the owner. Numbers are plain, so that what is redirected reads as PoolMon's own does. */
const COLUMNS: readonly Column[] = [
  // A tag keeps its four places: a blank in it counts.
  { title: 'Tag', dispensable: 0, cell: ({ tag }) => tagText(tag) },
  { title: 'Type', dispensable: 0, cell: ({ pool }) => (pool === 'paged' ? 'Paged' : 'Nonp') },
  { title: 'Allocs', isNumber: true, dispensable: 2, cell: ({ allocs }) => String(allocs) },
  { title: '', isNumber: true, dispensable: 5, cell: ({ allocsChange }) => changed(allocsChange) },
  { title: 'Frees', isNumber: true, dispensable: 4, cell: ({ frees }) => String(frees) },
  { title: '', isNumber: true, dispensable: 6, cell: ({ freesChange }) => changed(freesChange) },
  { title: 'Diff', isNumber: true, dispensable: 1, cell: ({ diff }) => String(diff) },
  { title: 'Bytes', isNumber: true, dispensable: 0, cell: ({ bytes }) => String(bytes ?? '?') },
  { title: '', isNumber: true, dispensable: 3, cell: ({ bytesChange }) => changed(bytesChange) },
  { title: 'Per Alloc', isNumber: true, dispensable: 7, cell: ({ perAlloc }) => String(perAlloc ?? 0) },
];

/** Narrower than this an owner says nothing; columns go first. */
const NARROWEST_OWNER = 16;
/** Longer owners are cut, so that verdicts stay in sight. */
const WIDEST_OWNER = 72;

/** The verdict in the table's words: nothing where nothing was compared. */
function verdictWords({ trend }: ShownRow): string {
  return trend === undefined || trend.verdict === 'not-compared' ? '' : trend.verdict;
}

/** The head and a line for each row, none wider than `width` (which may be infinite). */
export function watchTable(rows: readonly ShownRow[], width: number, style: Style): string[] {
  const cells = new Map(COLUMNS.map(column => [column, rows.map(column.cell)]));
  const widths = new Map(
    COLUMNS.map(column => [column, widest([column.title, ...(cells.get(column) ?? [])])]),
  );
  const owners = rows.map(({ owner }) => escapeControls(owner));
  const verdicts = rows.map(verdictWords);
  const verdictWidth = widest(['Verdict', ...verdicts]);
  const ownerWanted = Math.min(WIDEST_OWNER, widest(['Owner', ...owners]));
  const columns = columnsThatFit(widths, width - verdictWidth - 1, Math.min(ownerWanted, NARROWEST_OWNER));
  const taken = columns.reduce((sum, column) => sum + widths.get(column)! + 1, 0);
  const ownerWidth = Math.max(0, Math.min(ownerWanted, width - taken - verdictWidth - 1));

  const line = (cellOf: (column: Column) => string, owner: string, verdict: string) => {
    const parts = columns.map(column => {
      const text = cellOf(column);
      return column.isNumber ? text.padStart(widths.get(column)!) : text.padEnd(widths.get(column)!);
    });
    return { start: [...parts, shortened(owner, ownerWidth).padEnd(ownerWidth)].join(' '), verdict };
  };
  const head = line(({ title }) => title, 'Owner', 'Verdict');
  return [
    style.bold(cutTo(`${head.start} ${head.verdict}`.trimEnd(), width)),
    ...rows.map((row, i) => {
      const { start, verdict } = line(column => cells.get(column)![i], owners[i], verdicts[i]);
      const whole = cutTo(`${start} ${verdict}`.trimEnd(), width);
      // Colour codes take no room: the text is cut first and coloured then.
      return colourOf(row, style)(whole);
    }),
  ];
}

function colourOf({ trend }: ShownRow, style: Style): (text: string) => string {
  if (trend?.verdict === 'leaking') return style.red;
  return trend?.verdict === 'suspicious' ? style.yellow : text => text;
}

function columnsThatFit(
  widths: ReadonlyMap<Column, number>,
  room: number,
  narrowestOwner: number,
): readonly Column[] {
  let columns = COLUMNS;
  for (;;) {
    const taken = columns.reduce((sum, column) => sum + widths.get(column)! + 1, 0);
    const last = Math.max(...columns.map(({ dispensable }) => dispensable));
    if (taken + narrowestOwner <= room || last === 0) return columns;
    columns = columns.filter(({ dispensable }) => dispensable !== last);
  }
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0);
}

function shortened(text: string, width: number): string {
  return text.length <= width ? text : `${cutTo(text, Math.max(0, width - 1))}…`.slice(0, width);
}

/** The text cut to so many characters, between characters only. */
export function cutTo(text: string, width: number): string {
  if (text.length <= width) return text;
  const cut = text.slice(0, width);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
