/** What `pooltag watch --format json` prints: one line for each snapshot, with owners and verdicts. */
import { tagId } from '../../data/pool-tag.ts';
import { safeJson } from '../export-formats/safe-json.ts';
import type { FrameParts } from './watch-frame.ts';

/** The line with its line end. Numbers are bytes and counts; times are ISO 8601 UTC; verdicts come from the sixth snapshot on. */
export function watchJson({ computer, takenAtMs, memory, rows, shown, view }: FrameParts): string {
  const document = {
    takenAt: new Date(takenAtMs).toISOString(),
    computer,
    memory,
    matchingRows: rows.inView,
    totalRows: rows.all,
    rows: shown.slice(0, view.top).map(({ trend, rank, tag, owner, ...row }) => ({
      tag,
      id: tagId(tag),
      ...row,
      owner: owner === '' ? null : owner,
      ...(trend === undefined ? {} : { rank, verdict: trend.verdict, reasons: trend.reasons }),
    })),
  };
  return `${safeJson(document)}\n`;
}
