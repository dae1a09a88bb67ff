/** LeakFacts: what headline, summary and next steps are made from. */
import type { LeakReport, TagTrend } from '../../scanner/leaks/leak-report.ts';
import type { SuspectView } from './leak-answer.ts';
import type { ManyHandles } from './many-handles.ts';

export interface LeakFacts {
  report: LeakReport;
  suspects: readonly SuspectView[];
  /** Leaking tags that the filters hide. */
  hidden: readonly TagTrend[];
  /** Processes with far more handles than the others; null where there is none. */
  handles: ManyHandles | null;
  unknownTags: number;
}

/** Whether any tag was compared with itself at another time. */
export function isCompared({ tags, compared }: LeakReport): boolean {
  return compared > 1 && tags.some(({ verdict }) => verdict !== 'not-compared');
}

/** The suspect that leads: the head of its group where that is a suspect too; undefined where there is none. */
export function leadingSuspect({ report, suspects }: LeakFacts): SuspectView | undefined {
  const [first] = suspects;
  if (first === undefined) return undefined;
  const group = report.groups.find(({ head, members }) =>
    [head, ...members].some(({ tag, pool }) => tag === first.tag && pool === first.pool),
  );
  const head = suspects.find(({ tag, pool }) => tag === group?.head.tag && pool === group.head.pool);
  return head !== undefined && head.verdict === first.verdict ? head : first;
}
