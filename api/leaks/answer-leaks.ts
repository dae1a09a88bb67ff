/** Answers "what is leaking?": the report on snapshots, with owners, advice and the next steps. */
import { tagId } from '../../data/pool-tag.ts';
import { type LeakReport, type TagTrend, VERDICTS } from '../../scanner/leaks/leak-report.ts';
import { tagLinks } from '../answer-links.ts';
import type { AnswerSource } from '../answer-source.ts';
import type { Machine } from '../leak-applies.ts';
import { NO_MACHINE } from '../machine.ts';
import { shortAnswer } from '../tag-pointers.ts';
import { type KnownTag, knownTags } from './known-tags.ts';
import type { LeakAnswer, TagView } from './leak-answer.ts';
import { headlineOf } from './leak-headline.ts';
import { nextSteps } from './leak-next-steps.ts';
import { summaryOf } from './leak-summary.ts';
import { suspectTrends, suspectView } from './leak-suspects.ts';
import { isFiltered, type LeakView, type RankedTrend, tagsInView, WHOLE_VIEW } from './leak-view.ts';
import { manyHandles } from './many-handles.ts';

/** What an answer is asked for with. */
export interface LeakQuestion {
  view?: LeakView;
  /** What the asker says of theirs, for known leaks. */
  machine?: Machine;
}

/**
 * The answer. Suspects are taken from the tags that the view's filters let through; what they hide of leaks is said.
 * Throws SearchUnavailable where the index does not answer.
 */
export async function answerLeaks(
  report: LeakReport,
  source: AnswerSource,
  { view = WHOLE_VIEW, machine = NO_MACHINE }: LeakQuestion = {},
): Promise<LeakAnswer> {
  const known = await knownTags(
    report.tags.map(({ tag }) => tag),
    source,
  );
  const viewOf = (trend: RankedTrend) => tagView(trend, known.get(trend.tag)!, source);
  const matching = tagsInView(report.tags, view);
  const suspects = suspectTrends(report, matching).map(trend =>
    suspectView(viewOf(trend), trend, known.get(trend.tag)!, report, source, machine),
  );
  const hidden = isFiltered(view) ? hiddenLeaks(report.tags, matching) : [];
  const handles = manyHandles(report, source);
  const unknown = new Set(report.tags.map(({ tag }) => tag).filter(tag => !known.get(tag)!.isKnown));
  const facts = { report, suspects, hidden, handles, unknownTags: unknown.size };
  const { snapshots, compared, spanHours, confidence, falseRate, groups, memory, processes } = report;
  const { verifier, blocks, thinnedTo, remarks, moreRemarks } = report;
  return {
    headline: headlineOf(facts),
    summary: summaryOf(facts),
    snapshots,
    compared,
    ...(spanHours === undefined ? {} : { spanHours }),
    confidence,
    falseRate,
    suspects,
    groups,
    nextSteps: nextSteps(facts),
    tags: matching.slice(0, view.top).map(viewOf),
    matchingTags: matching.length,
    totalTags: report.tags.length,
    verdicts: verdictCounts(report.tags),
    unknownTags: unknown.size,
    memory,
    processes,
    verifier,
    blocks,
    ...(thinnedTo === undefined ? {} : { thinnedTo }),
    remarks,
    moreRemarks,
  };
}

function tagView(trend: RankedTrend, known: KnownTag, source: AnswerSource): TagView {
  const { tag, record, covering } = known;
  const told = known.isAnswerable
    ? shortAnswer(tag, record, covering, source)
    : { owners: [], summary: null };
  return { ...trend, id: tagId(trend.tag), ...told, links: tagLinks(tag) };
}

/** What the filters leave out although it leaks. */
function hiddenLeaks(tags: readonly TagTrend[], matching: readonly RankedTrend[]): TagTrend[] {
  const ranks = new Set(matching.map(({ rank }) => rank));
  return tags.filter(({ verdict }, index) => verdict === 'leaking' && !ranks.has(index + 1));
}

function verdictCounts(tags: readonly TagTrend[]): LeakAnswer['verdicts'] {
  const counts = Object.fromEntries(VERDICTS.map(verdict => [verdict, 0])) as LeakAnswer['verdicts'];
  for (const { verdict } of tags) counts[verdict]++;
  return counts;
}
