/** What follows the first line: what the comparison is worth, how full the pools are, who else points where. */

import { bytesInWords, counted, hoursInWords, listInWords, shareInWords } from '../../data/quantity-words.ts';
import type { LeakReport } from '../../scanner/leaks/leak-report.ts';
import type { Pool } from '../../scanner/snapshots/pool-snapshot.ts';
import { plainText } from '../answer-summary.ts';
import { isCompared, type LeakFacts } from './leak-facts.ts';
import { poolTitle, processName, tagName, toolWords } from './leak-words.ts';

/** From this share on a pool is nearly full. */
const NEARLY_FULL = 0.8;
/** Fewer snapshots than these make the answer a careful one. */
const FEW_SNAPSHOTS = 6;
/** Suspects of which the tool's own words are repeated. */
const MAX_TOLD = 3;

/** The sentences, the most important first. */
export function summaryOf(facts: LeakFacts): string[] {
  const { report } = facts;
  if (report.snapshots.length === 0) return [];
  return [
    ...comparison(report),
    ...fullness(report),
    ...timeLeft(facts),
    ...handleSentences(facts),
    ...verifierSentences(report),
    ...filtersHide(facts),
    ...ownWords(facts),
    ...unknown(facts),
    ...bounded(report),
    ...thinned(report),
    ...doubts(report),
  ];
}

function comparison(report: LeakReport): string[] {
  const { snapshots, compared, spanHours, tags } = report;
  if (tags.length === 0) return [];
  if (!isCompared(report)) {
    return snapshots.length === 1
      ? ['One snapshot shows who holds pool; only a later one shows who leaks it.']
      : [
          `Of ${counted(snapshots.length, 'snapshot')} no two could be compared, so nothing is said of growth.`,
        ];
  }
  const rows = counted(tags.length, 'row');
  const time = spanHours === undefined || spanHours === 0 ? '' : ` over ${hoursInWords(spanHours)}`;
  const worth =
    compared === 2
      ? ': they cannot tell a leak from a busy hour'
      : compared < FEW_SNAPSHOTS
        ? ': more of them would make the answer surer'
        : '';
  const sentences = [
    `${counted(compared, 'snapshot')}${time} with ${rows} of tags and pools were compared${worth}.`,
  ];
  if (spanHours === undefined) {
    sentences.push('Their times are not known, so nothing is said of growth by the hour.');
  }
  const left = snapshots.filter(({ rows: own }) => own > 0).length - compared;
  if (left > 0)
    sentences.push(`${counted(left, 'more snapshot')} with tags could not be compared with them.`);
  return sentences;
}

function fullness({ memory }: LeakReport): string[] {
  const pools: [Pool, number | undefined, number | undefined][] = [
    ['nonpaged', memory.nonpagedBytes, memory.nonpagedLimitBytes],
    ['paged', memory.pagedBytes, memory.pagedLimitBytes],
  ];
  return pools.flatMap(([pool, bytes, limit]) => {
    if (bytes === undefined) return [];
    const title = poolTitle(pool);
    if (limit === undefined || limit <= 0) return [`${title} holds ${bytesInWords(bytes)} in all.`];
    const share = bytes / limit;
    const full = share >= 1 ? ': it is full' : share >= NEARLY_FULL ? ': it is nearly full' : '';
    return [
      `${title} holds ${bytesInWords(bytes)} of at most ${bytesInWords(limit)} (${shareInWords(share)})${full}.`,
    ];
  });
}

function timeLeft({ suspects }: LeakFacts): string[] {
  const left = (pool: Pool) =>
    Math.min(
      ...suspects
        .filter(one => one.pool === pool)
        .map(one => one.hoursToLimit ?? Number.NaN)
        .filter(hours => !Number.isNaN(hours)),
    );
  return (['nonpaged', 'paged'] as Pool[]).flatMap(pool => {
    const hours = left(pool);
    if (!Number.isFinite(hours)) return [];
    const title = poolTitle(pool);
    return [
      hours <= 0
        ? `${title} is at its limit.`
        : `At this rate ${title.toLowerCase()} reaches its limit in ${hoursInWords(hours)}.`,
    ];
  });
}

function handleSentences({ handles, report }: LeakFacts): string[] {
  if (handles === null) return [];
  const { processes, risingTags } = handles;
  const named = listInWords(
    processes.map(one => `${processName(one)} has ${counted(one.handles, 'handle')}`),
  );
  const shown = risingTags.map(tagName);
  if (shown.length > 0) {
    const are = shown.length === 1 ? 'is the tag' : 'are tags';
    return [
      `${named}, far more than other processes, and ${listInWords(shown)} ${are} of objects that handles keep: look there first.`,
    ];
  }
  return report.tags.length === 0
    ? [`${named}. Each handle keeps an object in pool memory.`]
    : [`${named}, far more than other processes; no suspect here is an object that handles keep.`];
}

function verifierSentences({ verifier }: LeakReport): string[] {
  const left = verifier.filter(({ isUnloaded, nonpagedAllocs = 0, pagedAllocs = 0, allocations }) => {
    return isUnloaded && (nonpagedAllocs + pagedAllocs > 0 || allocations.length > 0);
  });
  if (left.length === 0) return [];
  const names = listInWords(left.map(({ driver }) => plainText(driver)));
  return [
    `Driver Verifier shows ${names} unloaded with pool memory still allocated: that is a leak of ${left.length === 1 ? 'this driver' : 'these drivers'}.`,
  ];
}

function filtersHide({ hidden }: LeakFacts): string[] {
  if (hidden.length === 0) return [];
  const names = listInWords(hidden.map(({ tag }) => tagName(tag)));
  return [`The filters leave out ${names}, ${hidden.length === 1 ? 'which is' : 'which are'} leaking.`];
}

/** What PoolMon and the debugger print beside a tag is out of a list of theirs, and often a guess. */
function ownWords({ report, suspects }: LeakFacts): string[] {
  const isPoolmon = report.snapshots.every(({ format, rows }) => rows === 0 || format === 'poolmon');
  const who = isPoolmon ? 'PoolMon' : 'The tool that printed this';
  return suspects
    .filter(({ owners }) => owners.length === 0)
    .flatMap(({ tag, mapped }) => {
      const words = toolWords(mapped);
      return words === null ? [] : [`${who} says of ${tagName(tag)}: "${words}". That is weak evidence.`];
    })
    .slice(0, MAX_TOLD);
}

function unknown({ unknownTags }: LeakFacts): string[] {
  if (unknownTags === 0) return [];
  const [are, use] = unknownTags === 1 ? ['is', 'it'] : ['are', 'them'];
  return [`${counted(unknownTags, 'tag')} ${are} in no list, and no scanned driver uses ${use}.`];
}

function bounded({ tags }: LeakReport): string[] {
  const grown = tags.filter(({ verdict }) => verdict === 'growing but bounded').length;
  if (grown === 0) return [];
  return [`${counted(grown, 'row')} grew and then stayed, as caches do that fill.`];
}

function thinned({ thinnedTo }: LeakReport): string[] {
  if (thinnedTo === undefined) return [];
  return [`Of each tag ${counted(thinnedTo, 'point')} are kept, evenly over the whole time.`];
}

function doubts({ remarks, moreRemarks }: LeakReport): string[] {
  const all = remarks.length + moreRemarks;
  if (all === 0) return [];
  return [`${counted(all, 'remark')} ${all === 1 ? 'says' : 'say'} what could not be read or is doubtful.`];
}
