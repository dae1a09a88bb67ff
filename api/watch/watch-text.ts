/** What `pooltag watch` prints where there is no live screen: each snapshot as lines, in PoolMon's columns. */
import type { Style } from '../terminal-text.ts';
import type { FrameParts } from './watch-frame.ts';
import { watchHeader } from './watch-header.ts';
import { watchTable } from './watch-table.ts';
import { watchTotals } from './watch-totals.ts';

/** The lines with their line ends, a blank one after the last. */
export function watchText(parts: FrameParts, width: number, style: Style): string {
  const { view, shown } = parts;
  const lines = [
    ...watchHeader(parts, width, style),
    ...watchTable(shown.slice(0, view.top), width, style),
    ...(view.hasTotals ? watchTotals(shown, width) : []),
  ];
  return `${lines.join('\n')}\n\n`;
}
