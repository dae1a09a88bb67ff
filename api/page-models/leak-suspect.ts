/** A suspect on the page of leaks and in its report: verdict, reasons, chart, owner, and what to do. */
import type { PoolTag } from '../../data/pool-tag.ts';
import { tagText } from '../../data/pool-tag.ts';
import { bytesInWords, hoursInWords, shareInWords } from '../../data/quantity-words.ts';
import type { Verdict } from '../../scanner/leaks/leak-report.ts';
import type { LeakAnswer, SuspectView } from '../leaks/leak-answer.ts';
import type { SortName } from '../leaks/leak-view.ts';
import { adviceBox, type GuideTitles } from './advice-box.ts';
import { articleEntry, ownerRow, sightingRow } from './answer-parts.ts';
import { counted } from './evidence-phrases.ts';
import { leakChart } from './leak-chart.ts';
import { exactNumber, poolText, timeText } from './leak-numbers.ts';
import { proseParts } from './prose-parts.ts';
import { type SourceLink, sourceLinks } from './source-links.ts';
import { copyableTag, tagParts } from './tag-text.ts';

/** Where the blocks stand. */
export interface LeakPlace {
  guides: GuideTitles;
  /** False in a file that is opened far from the server: then only links to the web are links. */
  hasLinks: boolean;
  /** How the tags are sorted, where the reader can sort them anew. */
  sort?: SortName | undefined;
}

/** Drivers that are named; the tag's page has all. */
const MAX_SIGHTINGS = 5;
const MAX_ARTICLES = 5;
const MAX_RISING = 12;
const MAX_EVENTS = 12;
const NOBODY_KNOWS = 'No list, no known leak and no scanned driver knows this tag.';

const EVENT_WORDS: Record<SuspectView['events'][number]['kind'], string> = {
  step: 'a step',
  burst: 'a burst',
  'counter-wrapped': 'a counter began again from zero',
  restarted: 'the machine was restarted',
};

/** A verdict as a word with the class of its sign. */
export function leakVerdictMark(verdict: Verdict) {
  return { name: verdict.replaceAll(' ', '-'), word: verdict === 'not-compared' ? 'not compared' : verdict };
}

/** The model of views/partials/leak-suspect.hbs. */
export function suspectBlock(suspect: SuspectView, answer: LeakAnswer, { guides, hasLinks }: LeakPlace) {
  const { tag, pool, rank, last, sightings, articles, risesWith, owners } = suspect;
  const name = `${tagText(tag as PoolTag)} in ${poolText(pool)}`;
  const group = answer.groups.find(({ head, members }) =>
    [head, ...members].some(one => isSame(one, suspect)),
  );
  return {
    id: `suspect-${rank}`,
    tag: tagParts(tag),
    plainText: copyableTag(tag),
    href: hasLinks ? suspect.links.page : null,
    pool: poolText(pool),
    verdict: leakVerdictMark(suspect.verdict),
    isInexact: suspect.isInexact,
    summary: suspect.summary ?? NOBODY_KNOWS,
    isUnknown: suspect.summary === null,
    reasons: suspect.reasons.map(proseParts),
    figures: figuresOf(suspect),
    events: eventsOf(suspect.events),
    mapped: suspect.mapped,
    // One point is a figure, no course.
    chart: answer.snapshots.length > 1 ? chartOf(suspect, name, answer, hasLinks) : null,
    evidence: {
      caption: `Owners and evidence for ${name}`,
      owners: owners
        .filter(({ strength }) => strength === 'written')
        .map(owner => elsewhere(ownerRow(owner), hasLinks)),
      sightings: sightings
        .slice(0, MAX_SIGHTINGS)
        .map(one => elsewhere({ ...sightingRow(one), sources: [] }, hasLinks)),
    },
    moreSightings:
      sightings.length > MAX_SIGHTINGS
        ? `${counted(sightings.length - MAX_SIGHTINGS, 'more driver uses', 'more drivers use')} the tag.`
        : null,
    advice: suspect.advice.map(advice =>
      elsewhere({ ...adviceBox(advice, guides, 4), href: null }, hasLinks),
    ),
    articles: articles.slice(0, MAX_ARTICLES).map(article => ({
      ...articleEntry(article, 4),
      ...(hasLinks
        ? {}
        : { href: sourceLinks(article.sources).find(({ url }) => url !== null)?.url ?? null }),
    })),
    story: group === undefined ? null : storyOf(group, suspect),
    risesWith: risesWith.slice(0, MAX_RISING).map(one => ({
      tag: tagParts(one.tag),
      pool: one.pool,
      href: hasLinks ? one.links.page : null,
    })),
    moreRising: risesWith.length > MAX_RISING ? `and ${risesWith.length - MAX_RISING} more` : null,
    inUse: last.bytes === undefined ? null : bytesInWords(last.bytes),
  };
}

/** What a script needs of a chart is of no use where there is none. */
function chartOf({ rank, series }: SuspectView, name: string, { snapshots }: LeakAnswer, hasScript: boolean) {
  const chart = leakChart(`chart-${rank}`, name, series, snapshots);
  return chart && { ...chart, data: hasScript ? chart.data : null };
}

/** Whether both are the same tag of the same pool. */
function isSame(a: { tag: string; pool: string }, b: { tag: string; pool: string }): boolean {
  return a.tag === b.tag && a.pool === b.pool;
}

function storyOf({ head, reason }: LeakAnswer['groups'][number], suspect: SuspectView) {
  return {
    head: isSame(head, suspect)
      ? 'It most likely stands behind the tags that rise with it.'
      : `${tagText(head.tag as PoolTag)} in ${poolText(head.pool)} most likely stands behind it.`,
    reason: proseParts(reason),
  };
}

/** What people compare, in few figures; what is not known is left out. */
function figuresOf({
  first,
  last,
  growthBytes,
  bytesRate,
  allocsRate,
  poolShare,
  hoursToLimit,
}: SuspectView) {
  const figures: { label: string; text: string; note: string | null }[] = [];
  const say = (label: string, text: string, note: string | null = null) =>
    figures.push({ label, text, note });
  if (last.bytes !== undefined) {
    say(
      'In use',
      bytesInWords(last.bytes),
      poolShare === undefined ? null : `${shareInWords(poolShare)} of the pool`,
    );
  }
  if (growthBytes !== undefined) {
    say(
      'Growth',
      bytesInWords(growthBytes),
      first.bytes === undefined ? null : `from ${bytesInWords(first.bytes)}`,
    );
  }
  if (bytesRate !== undefined) {
    say(
      'Rate',
      `${bytesInWords(bytesRate.perHour)} an hour`,
      `${bytesInWords(bytesRate.low)} to ${bytesInWords(bytesRate.high)}`,
    );
  }
  if (last.diff !== undefined) {
    const each = last.bytesPerAlloc === undefined ? null : `${bytesInWords(last.bytesPerAlloc)} each`;
    say('Allocations in use', exactNumber(last.diff), each);
  }
  if (allocsRate !== undefined) {
    say(
      'Allocations an hour',
      exactNumber(allocsRate.perHour),
      `${exactNumber(allocsRate.low)} to ${exactNumber(allocsRate.high)}`,
    );
  }
  if (hoursToLimit !== undefined) say('Pool full in', hoursInWords(hoursToLimit), 'at this rate');
  return figures;
}

/** `Steps and bursts: a step at snapshot 12 (2026-11-29 10:00:00 UTC).` */
function eventsOf(events: SuspectView['events']): string[] {
  const shown = events.slice(0, MAX_EVENTS).map(({ kind, atMs, snapshot }) => {
    const time = atMs === undefined ? '' : ` (${timeText(atMs)} UTC)`;
    return `${EVENT_WORDS[kind]} at snapshot ${snapshot + 1}${time}`;
  });
  const left = events.length - shown.length;
  return left > 0 ? [...shown, `${left} more`] : shown;
}

/** In a file of its own only links to the web lead somewhere. */
function elsewhere<Row extends { href: string | null; sources: SourceLink[] }>(
  row: Row,
  hasLinks: boolean,
): Row {
  if (hasLinks) return row;
  return {
    ...row,
    href: null,
    sources: row.sources.map(({ name, url }) => ({ name, url: url?.startsWith('/') ? null : url })),
  };
}
