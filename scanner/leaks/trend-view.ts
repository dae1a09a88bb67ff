/** A studied and judged tag in the form of the report. */
import type { Frame } from './frame-store.ts';
import type { Judgement } from './judgement.ts';
import type { Rate, TagSeries, TagTrend } from './leak-report.ts';
import type { MonotoneTrend } from './monotone-trend.ts';
import type { TagStudy } from './study-tag.ts';

/** A log of nothing but wraps must not fill the report. */
const MAX_EVENTS = 50;
/** How much likelier a step is than no change before it is named: as in the verdicts. */
const CLEAR_STEP = Math.log(20);

/** `places` are those of the frames in the report's list of snapshots; `isClock` says that their times are known. */
export function tagTrend(
  study: TagStudy,
  { verdict, reasons }: Judgement,
  frames: readonly Frame[],
  places: readonly number[],
  isClock: boolean,
): TagTrend {
  const { known, first, last, trend, allocsTrend } = study;
  const view: TagTrend = {
    tag: known.tag,
    pool: known.pool,
    isInexact: known.isInexact,
    verdict,
    reasons: [...reasons],
    snapshots: study.present,
    first,
    last,
    events: eventsOf(study, frames, places),
    mapped: [...known.mapped],
    series: seriesOf(study, places),
  };
  if (study.unit === 'bytes' && first.bytes !== undefined && last.bytes !== undefined)
    view.growthBytes = last.bytes - first.bytes;
  if (isClock && trend !== undefined && study.unit === 'bytes') view.bytesRate = rateOf(trend);
  if (isClock && allocsTrend !== undefined) view.allocsRate = rateOf(allocsTrend);
  return view;
}

function rateOf({ slope, low, high }: MonotoneTrend): Rate {
  return { perHour: slope, low, high };
}

function seriesOf({ bytes, diff }: TagStudy, places: readonly number[]): TagSeries {
  const series: TagSeries = { snapshot: [], bytes: [], diff: [] };
  for (let i = 0; i < bytes.length; i++) {
    if (Number.isNaN(bytes[i]) && Number.isNaN(diff[i])) continue;
    series.snapshot.push(places[i]);
    series.bytes.push(Number.isNaN(bytes[i]) ? null : bytes[i]);
    series.diff.push(Number.isNaN(diff[i]) ? null : diff[i]);
  }
  return series;
}

function eventsOf(study: TagStudy, frames: readonly Frame[], places: readonly number[]): TagTrend['events'] {
  const { evidence, points } = study;
  const found: { kind: TagTrend['events'][number]['kind']; at: number }[] = study.wraps.map(at => ({
    kind: 'counter-wrapped',
    at,
  }));
  for (const { from } of study.bursts) found.push({ kind: 'burst', at: points!.snapshots[from] });
  if (evidence?.bestBounded?.kind === 'step' && evidence.bounded >= CLEAR_STEP) {
    const { column } = evidence.bestBounded;
    found.push({ kind: 'step', at: points!.snapshots[column.indexOf(1)] });
  }
  return found
    .sort((a, b) => a.at - b.at)
    .slice(0, MAX_EVENTS)
    .map(({ kind, at }) => {
      const { takenAtMs } = frames[at];
      return { kind, ...(takenAtMs === undefined ? {} : { atMs: takenAtMs }), snapshot: places[at] };
    });
}
