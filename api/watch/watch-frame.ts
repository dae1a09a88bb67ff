/** One picture of the live screen, as lines that fit the window. */
import { escapeControls, type Style } from '../terminal-text.ts';
import { type HeaderParts, watchHeader } from './watch-header.ts';
import { cutTo, type ShownRow, watchTable } from './watch-table.ts';
import { watchTotals } from './watch-totals.ts';
import { KEY_HELP } from './watch-view.ts';

export interface FrameParts extends HeaderParts {
  /** Those in view, all of them and sorted. */
  shown: readonly ShownRow[];
  /** The last line: a problem, or empty for the hint on the keys. */
  note: string;
}

/** How many rows of tags fit beside everything else, and the lines; at most `height` of them. */
export interface Frame {
  lines: string[];
  page: number;
  /** Rows scrolled past: no further than to the last page. */
  skipped: number;
}

const HINT = '? keys   Q end';

/** The picture for a window of this size. */
export function watchFrame(parts: FrameParts, width: number, height: number, style: Style): Frame {
  const { view, shown } = parts;
  const header = watchHeader(parts, width, style);
  const last = parts.note === '' ? style.dim(cutTo(HINT, width)) : cutTo(escapeControls(parts.note), width);
  const totals = view.hasTotals ? watchTotals(shown, width) : [];
  // The head of the table, a line that is left blank and the last one.
  const room = Math.max(0, height - header.length - totals.length - 3);
  const page = Math.max(1, Math.min(room, view.top));
  const skipped = Math.max(0, Math.min(view.skipped, shown.length - page));
  const body = view.hasHelp
    ? helpLines(width)
    : [...watchTable(shown.slice(skipped, skipped + Math.min(room, view.top)), width, style), ...totals];
  const lines = [...header, ...body].slice(0, Math.max(0, height - 2));
  return { lines: height < 1 ? [] : [...lines, ...(height > 1 ? [''] : []), last], page, skipped };
}

function helpLines(width: number): string[] {
  const widest = Math.max(...KEY_HELP.map(([keys]) => keys.length));
  return KEY_HELP.map(([keys, what]) => cutTo(`  ${keys.padEnd(widest)}  ${what}`, width));
}
