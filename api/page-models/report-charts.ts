/** Charts of a report beside those of its suspects: no script draws one that is asked for, so the likeliest come along, folded. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import type { LeakAnswer, TagView } from '../leaks/leak-answer.ts';
import { counted } from './evidence-phrases.ts';
import { leakChart } from './leak-chart.ts';
import { poolText } from './leak-numbers.ts';
import { leakVerdictMark } from './leak-suspect.ts';
import { tagParts } from './tag-text.ts';

/** At 5 to 8 KB each they double a usual report, which stays far below what mail takes. */
const MAX_CHARTS = 20;
const SIZE = { points: 100, rows: 25 };

/** The listed tags that are no suspects: what leaks or is suspicious, then what grew most; null where nothing did. */
export function reportCharts({ tags, suspects, snapshots }: LeakAnswer) {
  if (snapshots.length < 2) return null;
  const drawn = new Set(suspects.map(({ rank }) => rank));
  const asked = tags
    .filter(tag => !drawn.has(tag.rank) && (isSuspicious(tag) || growth(tag) > 0))
    .sort((a, b) => Number(isSuspicious(b)) - Number(isSuspicious(a)) || growth(b) - growth(a));
  const charts = asked.slice(0, MAX_CHARTS).flatMap(({ tag, pool, rank, verdict, series }) => {
    const name = `${tagText(tag as PoolTag)} in ${poolText(pool)}`;
    const chart = leakChart(`chart-${rank}`, name, series, snapshots, SIZE);
    if (chart === null) return [];
    const mark = leakVerdictMark(verdict);
    return [
      {
        tag: tagParts(tag),
        href: null,
        pool: poolText(pool),
        verdict: mark,
        chart: { ...chart, data: null },
      },
    ];
  });
  if (charts.length === 0) return null;
  const left = asked.length - charts.length;
  return {
    charts,
    note: `What is suspicious, then what grew most among the listed tags.${left > 0 ? ` ${counted(left, 'more tag', 'more tags')} grew; the page /leaks draws each that is asked for.` : ''}`,
  };
}

function isSuspicious({ verdict }: TagView): boolean {
  return verdict === 'leaking' || verdict === 'suspicious';
}

/** In bytes, and in allocations where no bytes are printed. */
function growth({ growthBytes, first, last }: TagView): number {
  return growthBytes ?? (last.diff ?? 0) - (first.diff ?? 0);
}
