/** The table of tags as aligned text: numbers to the right, the owner in what is left of the line. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { bytesInWords, count } from '../../data/quantity-words.ts';
import { escapeControls } from '../terminal-text.ts';
import type { AnswerTextOptions } from '../text-answer.ts';
import type { TagView } from './leak-answer.ts';
import type { SortName } from './leak-view.ts';
import { toolWords } from './leak-words.ts';
import { ownerInShort } from './owner-in-short.ts';

interface Column {
  title: string;
  isNumber: boolean;
  /** Left out where nothing was compared. */
  isOfTime?: true;
  cell(view: TagView): string;
}

const bytes = (value: number | undefined) => (value === undefined ? '' : bytesInWords(value));
const number = (value: number | undefined) => (value === undefined ? '' : count(value));

const TAG: Column = { title: 'Tag', isNumber: false, cell: ({ tag }) => tagText(tag as PoolTag) };
const COLUMNS: readonly Column[] = [
  { title: 'Pool', isNumber: false, cell: ({ pool }) => (pool === 'nonpaged' ? 'Nonp' : 'Paged') },
  { title: 'Verdict', isNumber: false, isOfTime: true, cell: ({ verdict }) => verdict.replace('-', ' ') },
  { title: 'Bytes', isNumber: true, cell: ({ last }) => bytes(last.bytes) },
  { title: 'Growth', isNumber: true, isOfTime: true, cell: ({ growthBytes }) => bytes(growthBytes) },
  { title: 'An hour', isNumber: true, isOfTime: true, cell: ({ bytesRate }) => bytes(bytesRate?.perHour) },
  { title: 'Diff', isNumber: true, cell: ({ last }) => number(last.diff) },
  { title: 'Each', isNumber: true, cell: ({ last }) => bytes(last.bytesPerAlloc) },
];
/** They are wide, and few ask for them. */
const COUNTERS: readonly Column[] = [
  { title: 'Allocs', isNumber: true, cell: ({ last }) => number(last.allocs) },
  { title: 'Frees', isNumber: true, cell: ({ last }) => number(last.frees) },
];
const OWNER: Column = {
  title: 'Owner',
  isNumber: false,
  cell: ({ owners, summary, mapped }) => {
    const owner = ownerInShort(owners);
    if (owner !== null) return escapeControls(owner);
    const words = toolWords(mapped);
    const unknown = summary === null ? 'unknown' : 'only its bytes are known';
    return escapeControls(words === null ? unknown : `${unknown}; the tool says ${words}`);
  },
};

/** The owner is cut to no fewer characters. */
const LEAST_OWNER = 24;
const WIDEST_OWNER = 80;

/** The head and a line for each tag. */
export function tableLines(
  tags: readonly TagView[],
  isCompared: boolean,
  { style, width, sort }: AnswerTextOptions & { sort: SortName },
): string[] {
  const counters = sort === 'allocs' || sort === 'frees' ? COUNTERS : [];
  const columns = [TAG, ...COLUMNS, ...counters].filter(({ isOfTime }) => isCompared || !isOfTime);
  const rows = [
    columns.map(({ title }) => title),
    ...tags.map(view => columns.map(({ cell }) => cell(view))),
  ];
  // A column in which no format prints anything takes no room.
  const kept = columns.map((_, i) => rows.slice(1).some(row => row[i] !== ''));
  const widths = columns.map((_, i) => rows.reduce((most, row) => Math.max(most, row[i].length), 0));
  const lines = rows.map(row =>
    row
      .map((cell, i) => (columns[i].isNumber ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .filter((_, i) => kept[i])
      .join('  '),
  );
  const taken = (lines[0]?.length ?? 0) + 4;
  const room = Math.max(LEAST_OWNER, Math.min(WIDEST_OWNER, width - taken));
  const owners = [OWNER.title, ...tags.map(view => cut(OWNER.cell(view), room))];
  return lines.map((line, i) => {
    const whole = `${line}  ${owners[i]}`.trimEnd();
    if (i === 0) return style.dim(whole);
    const { verdict } = tags[i - 1];
    if (verdict === 'leaking') return style.red(whole);
    return verdict === 'suspicious' ? style.yellow(whole) : whole;
  });
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}
