/** Finds the processes with far more handles than the others: a leak of objects is theirs, not the kernel's. */
import type { LeakReport, TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { ProcessRow } from '../../scanner/snapshots/pool-snapshot.ts';
import type { AnswerSource } from '../answer-source.ts';

/** From so many handles on, those who look for leaks look twice. */
const MANY_HANDLES = 5_000;
/** So many times the median: services of Windows differ by as much among themselves. */
const TIMES_MEDIAN = 5;
/** More than these are the way of the machine, and no culprit's. */
const MAX_NAMED = 3;
/** The guide of the advice on tags of which each block is an object that a handle keeps. */
const OBJECT_GUIDE = 'handle-leaks';

export interface ManyHandles {
  /** Most handles first; never empty. */
  processes: (ProcessRow & { handles: number })[];
  /** Tags of objects that rise, or are suspect in one snapshot; empty where the handles alone are told. */
  risingTags: string[];
}

/** The processes that stand out; null where none does. */
export function manyHandles(report: LeakReport, source: Pick<AnswerSource, 'advice'>): ManyHandles | null {
  const counted = report.processes
    .filter((process): process is ProcessRow & { handles: number } => process.handles !== undefined)
    .sort((a, b) => b.handles - a.handles);
  if (counted.length === 0) return null;
  const median = counted[Math.floor(counted.length / 2)].handles;
  const processes = counted
    .filter(
      ({ handles }) => handles >= MANY_HANDLES && (counted.length === 1 || handles >= median * TIMES_MEDIAN),
    )
    .slice(0, MAX_NAMED);
  if (processes.length === 0) return null;
  const rising = report.tags.filter(trend => isRising(trend) && isOfObjects(trend, source));
  return { processes, risingTags: [...new Set(rising.map(({ tag }) => tag))] };
}

function isRising({ verdict }: TagTrend): boolean {
  return verdict === 'leaking' || verdict === 'suspicious';
}

function isOfObjects({ tag }: TagTrend, { advice }: Pick<AnswerSource, 'advice'>): boolean {
  return advice.rulesFor(tag).some(({ guide }) => guide === OBJECT_GUIDE);
}
