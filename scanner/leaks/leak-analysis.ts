/** LeakAnalysis: snapshots in, one after another and in any order; a LeakReport out. Pure, with bounded memory. */
import type { PoolTag } from '../../data/pool-tag.ts';
import type { Pool, PoolSnapshot, ReadRemark } from '../snapshots/pool-snapshot.ts';
import { chooseChain } from './frame-chains.ts';
import { orderFrames } from './frame-order.ts';
import { FrameStore, MAX_TAGS } from './frame-store.ts';
import { judgeFew } from './judge-few.ts';
import { judgeSingle } from './judge-single.ts';
import { judgeTrend } from './judge-trend.ts';
import type { Judgement, JudgementContext } from './judgement.ts';
import type { LeakReport, TagTrend } from './leak-report.ts';
import { holmCorrected } from './monotone-trend.ts';
import { addPoolFacts, poolStates } from './pool-limits.ts';
import { compareSuspicion } from './rank-tags.ts';
import { shareMemory } from './shared-memory.ts';
import { SideFacts } from './side-facts.ts';
import { SnapshotList } from './snapshot-list.ts';
import { LEAST_POINTS_OF_EVIDENCE, studyTag, type TagStudy } from './study-tag.ts';
import { groupTags } from './tag-groups.ts';
import { forEachSeries } from './tag-series.ts';
import { TimeGrid } from './time-grid.ts';
import { tagTrend } from './trend-view.ts';

export interface AnalysisOptions {
  /** Times that are given: the n-th snapshot with rows (from 0) is at n times this. What the text tells comes first. */
  everyMs?: number;
  /** Tags that are known to grow along with a tag, the likeliest to stand behind it first. */
  companions?: ReadonlyMap<PoolTag, readonly PoolTag[]>;
}

/** Of intervals; and how often a report without any leak may name one, over all of its tags. */
const CONFIDENCE = 0.95;
const FALSE_RATE = 0.05;

export class LeakAnalysis {
  readonly #options: AnalysisOptions;
  readonly #store = new FrameStore();
  readonly #list = new SnapshotList();
  readonly #side = new SideFacts();

  constructor(options: AnalysisOptions = {}) {
    this.#options = options;
  }

  add(snapshot: PoolSnapshot): void {
    const { arrival, isRepeated } = this.#list.add(snapshot, this.#options.everyMs !== undefined);
    this.#side.add(snapshot);
    if (snapshot.rows.length > 0 && !isRepeated) this.#store.add(snapshot, arrival);
    this.#list.shorten(() => new Set(this.#store.frames.map(frame => frame.arrival)));
  }

  addRemark(remark: ReadRemark): void {
    this.#side.addRemark(remark);
  }

  /** What the snapshots that were added so far say. More may be added afterwards. */
  report(): LeakReport {
    const { tags: known } = this.#store.table;
    const remarks = [...this.#storeRemarks()];
    const ordered = orderFrames(this.#store.frames, this.#options.everyMs);
    const chain = chooseChain(ordered.frames, known);
    remarks.push(...ordered.remarks, ...chain.remarks);
    const frames = chain.chosen.map(at => ordered.frames[at]);
    const hours =
      ordered.hours &&
      Float64Array.from(chain.chosen, at => ordered.hours![at] - ordered.hours![chain.chosen[0]]);
    const spanHours = hours === undefined || hours.length < 2 ? undefined : hours[hours.length - 1];
    const compared = frames.reduce((sum, { standsFor }) => sum + standsFor, 0);
    const { summaries, places } = this.#list.listed();
    const snapshotPlaces = frames.map(({ arrival }) => places.get(arrival) ?? 0);
    if (ordered.isGiven && hours !== undefined)
      snapshotPlaces.forEach((place, i) => {
        // A copy: the next report may begin with another snapshot.
        summaries[place] = { ...summaries[place], givenHours: hours[i] };
      });

    const grid = new TimeGrid(hours ?? Float64Array.from(frames, (_, i) => i), hours !== undefined);
    const studies: TagStudy[] = [];
    forEachSeries(frames, known.length, (tag, series) => {
      studies.push(studyTag(known[tag], series, grid));
    });
    shareMemory(studies.flatMap(({ evidence }) => evidence ?? []));
    const garbage = studies.reduce((sum, study) => sum + study.garbage, 0);
    if (garbage > 0)
      remarks.push({
        file: undefined,
        message: `${garbage} printed numbers cannot be, as after a 32-bit counter wrapped around. They were computed anew from the counters, or left out.`,
      });
    const changing = studies.filter(({ trend }) => trend !== undefined);
    const corrected = holmCorrected(changing.map(({ trend }) => trend!.risingP));
    const pools = poolStates(frames, hours, this.#side.memory);
    const context: JudgementContext = {
      spanHours,
      compared,
      tested: Math.max(1, changing.length),
      falseRate: FALSE_RATE,
      poolBytes: {
        nonpaged: pools.nonpaged.usedBytes ?? listedBytes(studies, 'nonpaged'),
        paged: pools.paged.usedBytes ?? listedBytes(studies, 'paged'),
      },
      limitBytes: { nonpaged: pools.nonpaged.limitBytes, paged: pools.paged.limitBytes },
    };
    const trendP = new Map(changing.map((study, i) => [study, corrected[i]]));
    const judged = studies.map(study => {
      const judgement = judge(study, context);
      const trend = tagTrend(study, judgement, frames, snapshotPlaces, hours !== undefined);
      const p = trendP.get(study);
      if (p !== undefined) trend.trendP = p;
      if (chain.afterRestart) addRestart(trend, frames[0].takenAtMs, snapshotPlaces[0]);
      return { study, trend, score: judgement.score };
    });
    judged.sort(compareSuspicion);
    const tags = judged.map(({ trend }) => trend);
    addPoolFacts(tags, pools);
    const rising = judged.filter(
      ({ trend }) => trend.verdict === 'leaking' || trend.verdict === 'suspicious',
    );
    return {
      snapshots: summaries,
      compared,
      ...(spanHours === undefined ? {} : { spanHours }),
      confidence: CONFIDENCE,
      falseRate: FALSE_RATE,
      tags,
      groups:
        compared < 2
          ? []
          : groupTags(
              rising.map(({ study }) => study),
              this.#options.companions ?? new Map(),
            ),
      memory: { ...this.#side.memory },
      processes: this.#side.processes,
      verifier: this.#side.verifier,
      blocks: this.#side.blocks,
      ...(this.#store.isThinned ? { thinnedTo: frames.length } : {}),
      // What concerns the whole comparison comes before single lines.
      remarks: [...remarks, ...this.#side.remarks],
      moreRemarks: this.#side.moreRemarks,
    };
  }

  /** What was left out while adding. */
  #storeRemarks(): ReadRemark[] {
    const remarks: ReadRemark[] = [];
    const { repeated, firstRepeated } = this.#list;
    const { table, repeatedRows } = this.#store;
    if (firstRepeated !== undefined)
      remarks.push({
        file: firstRepeated.file,
        line: firstRepeated.line,
        message: `${repeated === 1 ? 'A snapshot has' : `${repeated} snapshots have`} the same rows${firstRepeated.takenAtMs === undefined ? '' : ' and time'} as one before, so ${repeated === 1 ? 'it is' : 'they are'} left out of the comparison.`,
      });
    if (repeatedRows > 0)
      remarks.push({
        file: undefined,
        message: `${repeatedRows} rows name a tag that their snapshot had already. The later row counts; rows of tags that are printed inexactly are added up.`,
      });
    if (table.rowsLeftOut > 0)
      remarks.push({
        file: undefined,
        message: `There are more than ${MAX_TAGS.toLocaleString('en-US')} different tags. The first so many are compared, and ${table.rowsLeftOut.toLocaleString('en-US')} rows of others are left out.`,
      });
    return remarks;
  }
}

function judge(study: TagStudy, context: JudgementContext): Judgement {
  const points = study.points?.values.length ?? 0;
  if (points < 2) return judgeSingle(study, context);
  return points < LEAST_POINTS_OF_EVIDENCE ? judgeFew(study, context) : judgeTrend(study, context);
}

/** Sum over the rows of the last snapshot that shows each; undefined where no bytes are printed. */
function listedBytes(studies: readonly TagStudy[], pool: Pool): number | undefined {
  const sum = studies.reduce(
    (bytes, { known, last }) => bytes + (known.pool === pool ? (last.bytes ?? 0) : 0),
    0,
  );
  return sum > 0 ? sum : undefined;
}

function addRestart(trend: TagTrend, atMs: number | undefined, snapshot: number): void {
  trend.events.unshift({ kind: 'restarted', ...(atMs === undefined ? {} : { atMs }), snapshot });
}
