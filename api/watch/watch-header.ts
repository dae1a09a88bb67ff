/** The lines above the table: whose pools these are, the machine's memory, and the most suspicious tag. */
import { tagText } from '../../data/pool-tag.ts';
import { bytesInWords, count } from '../../data/quantity-words.ts';
import type { TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { MemoryFacts } from '../../scanner/snapshots/pool-snapshot.ts';
import { escapeControls, type Style } from '../terminal-text.ts';
import { cutTo } from './watch-table.ts';
import { orderInWords, type WatchView } from './watch-view.ts';

export interface HeaderParts {
  computer: string;
  takenAtMs: number;
  everyMs: number;
  memory: MemoryFacts;
  /** Of the first snapshot. */
  firstMemory: MemoryFacts;
  view: WatchView;
  /** Rows that the filters let through, and all. */
  rows: { inView: number; all: number };
  worst: TagTrend | undefined;
  /** Of {@link worst}; empty where nobody knows. */
  worstOwner: string;
}

/** The lines, the last one blank; each at most so wide. */
export function watchHeader(parts: HeaderParts, width: number, style: Style): string[] {
  const { computer, takenAtMs, everyMs, memory, view, rows, worst, worstOwner } = parts;
  const time = new Date(takenAtMs).toISOString().replace('T', ' ').slice(0, 19);
  const pools = view.pool === undefined ? 'both pools' : `${view.pool} pool`;
  const shown = rows.inView === rows.all ? count(rows.all) : `${count(rows.inView)} of ${count(rows.all)}`;
  const first = [
    escapeControls(computer),
    `${time} UTC`,
    `every ${everyMs / 1000} s`,
    pools,
    `by ${orderInWords(view)}`,
    `${shown} rows`,
  ].join('  ');
  const lines = [style.bold(cutTo(first, width)), ...memoryLines(memory, parts.firstMemory, width)];
  if (worst !== undefined) {
    const owner = worstOwner === '' ? '' : ` (${escapeControls(worstOwner)})`;
    const text = `${worst.verdict} ${tagText(worst.tag)}${owner} ${worst.reasons[0] ?? ''}`;
    const colour = worst.verdict === 'leaking' ? style.red : style.yellow;
    lines.push(colour(cutTo(escapeControls(text[0].toUpperCase() + text.slice(1)), width)));
  }
  return [...lines, ''];
}

function memoryLines(memory: MemoryFacts, first: MemoryFacts, width: number): string[] {
  const { physicalBytes, availableBytes, commitBytes, commitLimitBytes, commitPeakBytes } = memory;
  const machine = sentence([
    named('Memory', physicalBytes),
    named('available', availableBytes),
    named('commit', commitBytes),
    named('limit', commitLimitBytes),
    named('peak', commitPeakBytes),
  ]);
  const pools = sentence([
    named('Nonpaged pool', memory.nonpagedBytes, first.nonpagedBytes),
    named('paged pool', memory.pagedBytes, first.pagedBytes),
  ]);
  return [machine, pools].filter(line => line !== '').map(line => cutTo(line, width));
}

/** `Paged pool 963 MB (+12 MB)`: the change is that since the watch began. */
function named(name: string, bytes: number | undefined, before?: number): string {
  if (bytes === undefined) return '';
  const change = before === undefined ? 0 : bytes - before;
  const sign = change > 0 ? '+' : '';
  return `${name} ${bytesInWords(bytes)}${change === 0 ? '' : ` (${sign}${bytesInWords(change)})`}`;
}

function sentence(parts: readonly string[]): string {
  const text = parts.filter(part => part !== '').join(', ');
  return text === '' ? '' : text[0].toUpperCase() + text.slice(1);
}
