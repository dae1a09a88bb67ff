/** The tags that deserve attention, each with all that is known of it. */
import type { LeakReport } from '../../scanner/leaks/leak-report.ts';
import { adviceOf, unknownAdvice } from '../answer-advice.ts';
import type { Advice } from '../answer-document.ts';
import { tagLinks } from '../answer-links.ts';
import { rankSightings } from '../answer-owners.ts';
import type { AnswerSource } from '../answer-source.ts';
import { sightingView } from '../answers.ts';
import { articleViews } from '../article-answer.ts';
import type { Machine } from '../leak-applies.ts';
import type { KnownTag } from './known-tags.ts';
import type { SuspectView, TagView } from './leak-answer.ts';
import type { RankedTrend } from './leak-view.ts';

/** More than these nobody follows up at once; the table has the others. */
export const MAX_SUSPECTS = 10;
/** Where nothing was compared, these many of the biggest are worth a look. */
const MAX_BIGGEST = 5;
/** A shared default tag is seen in hundreds of drivers; the page of the tag has them all. */
const MAX_SIGHTINGS = 20;
/** Tags that are named as rising along. */
const MAX_COMPANIONS = 12;

/**
 * The suspects among `matching`, most suspicious first. Of tags that rise together the head goes before its companions
 * where room is short, so that one story does not hide another. Where nothing could be compared, the biggest follow.
 */
export function suspectTrends(report: LeakReport, matching: readonly RankedTrend[]): RankedTrend[] {
  const byRank = [...matching].sort((a, b) => a.rank - b.rank);
  const suspicious = byRank.filter(({ verdict }) => verdict === 'leaking' || verdict === 'suspicious');
  const followers = new Set(
    report.groups.flatMap(({ head, members }) =>
      members.filter(member => key(member) !== key(head)).map(key),
    ),
  );
  const leading = suspicious.filter(trend => !followers.has(key(trend)));
  const following = suspicious.filter(trend => followers.has(key(trend)));
  const chosen = [...leading, ...following].slice(0, MAX_SUSPECTS).sort((a, b) => a.rank - b.rank);
  if (chosen.length > 0) return chosen;
  return byRank
    .filter(({ verdict, last }) => verdict === 'not-compared' && (last.bytes ?? last.diff ?? 0) > 0)
    .sort((a, b) => (b.last.bytes ?? 0) - (a.last.bytes ?? 0) || (b.last.diff ?? 0) - (a.last.diff ?? 0))
    .slice(0, MAX_BIGGEST);
}

function key({ tag, pool }: { tag: string; pool: string }): string {
  return `${tag}${pool}`;
}

/** A tag in the table with all that is known of it. */
export function suspectView(
  view: TagView,
  trend: RankedTrend,
  known: KnownTag,
  { groups }: LeakReport,
  source: AnswerSource,
  machine: Machine,
): SuspectView {
  const { record, covering } = known;
  const together = groups.filter(({ head, members }) =>
    [head, ...members].some(one => key(one) === key(trend)),
  );
  const others = new Map(
    together.flatMap(({ head, members }) => [head, ...members]).map(one => [key(one), one]),
  );
  others.delete(key(trend));
  return {
    ...view,
    sightings: rankSightings(record?.sightings ?? [])
      .slice(0, MAX_SIGHTINGS)
      .map(sightingView),
    advice: adviceOn(view, trend, known, source),
    articles: articleViews([record, ...covering], source, machine).filter(({ applies: { verdict } }) => {
      return verdict === 'applies' || verdict === 'may-apply';
    }),
    risesWith: [...others.values()]
      .slice(0, MAX_COMPANIONS)
      .map(({ tag, pool }) => ({ tag, pool, links: tagLinks(tag) })),
  };
}

const INEXACT: Advice = {
  kind: 'unknown-tag',
  text: 'The tool prints a dot for each byte that it cannot show, so this tag may be another one whose bytes are no letters. PoolMon and pooltag watch show the bytes themselves.',
  steps: [],
  sources: [],
};

function adviceOn(
  { owners }: TagView,
  { isInexact }: RankedTrend,
  { tag, record, isKnown }: KnownTag,
  source: AnswerSource,
): Advice[] {
  const inexact = isInexact ? [INEXACT] : [];
  if (!isKnown) return [...inexact, ...unknownAdvice(source.advice.unknownTagRules, tag)];
  const rules = source.advice.rulesFor(tag);
  return [...inexact, ...adviceOf({ tag, record, owners, rules, component: id => source.component(id) })];
}
