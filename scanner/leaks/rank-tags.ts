/** The order of suspicion. */
import { type TagTrend, VERDICTS } from './leak-report.ts';

export interface Ranked {
  trend: TagTrend;
  /** Evidence for a leak, the higher the more; comparable within a verdict. */
  score: number;
}

/**
 * Leaks first, the fastest before the others: it fills the pool. Then what is suspicious, and what shows some evidence
 * of a leak, the stronger first, since a large cache that breathes moves more bytes than a slow leak. Then the rest, by
 * verdict, growth and bytes.
 */
export function compareSuspicion(a: Ranked, b: Ranked): number {
  return (
    classOf(a) - classOf(b) ||
    (a.trend.verdict === 'leaking'
      ? growthOf(b) - growthOf(a)
      : hasEvidence(a)
        ? b.score - a.score || growthOf(b) - growthOf(a)
        : VERDICTS.indexOf(a.trend.verdict) - VERDICTS.indexOf(b.trend.verdict) ||
          growthOf(b) - growthOf(a)) ||
    (b.trend.last.bytes ?? 0) - (a.trend.last.bytes ?? 0)
  );
}

function classOf(ranked: Ranked): number {
  if (ranked.trend.verdict === 'leaking') return 0;
  if (ranked.trend.verdict === 'suspicious') return 1;
  return hasEvidence(ranked) ? 2 : 3;
}

function hasEvidence({ trend, score }: Ranked): boolean {
  return (
    trend.verdict === 'suspicious' ||
    (score > 0 && trend.verdict !== 'not-compared' && trend.trendP !== undefined)
  );
}

function growthOf({ trend }: Ranked): number {
  return trend.bytesRate?.perHour ?? trend.growthBytes ?? 0;
}
