/** What was read for an answer on leaks: files with their snapshots, and remarks on what could not be read. */
import type { SnapshotFormat } from '../../scanner/snapshots/pool-snapshot.ts';
import type { LeakAnswer } from '../leaks/leak-answer.ts';
import { counted, groupedNumber } from './evidence-phrases.ts';
import { timeText } from './leak-numbers.ts';

/** The rest is counted. */
const MAX_FILES = 40;
const MAX_REMARKS = 100;

const FORMAT_WORDS: Record<SnapshotFormat, string> = {
  poolmon: 'PoolMon',
  memsnap: 'MemSnap',
  poolused: '!poolused',
  poolfind: '!poolfind',
  'pool-page': '!pool',
  vm: '!vm',
  processes: 'a list of processes',
  verifier: 'Driver Verifier',
  'perfmon-csv': 'performance counters',
  'powershell-csv': 'CSV of PoolMon in PowerShell',
  'event-2004': 'event 2004',
  'pooltag-json': 'Pooltag’s JSON',
  'pooltag-csv': 'Pooltag’s CSV',
};

/** The files with their snapshots, and what was remarked while they were read. */
export function whatWasRead({ snapshots, compared, thinnedTo, remarks, moreRemarks }: LeakAnswer) {
  const files = new Map<string, LeakAnswer['snapshots']>();
  for (const snapshot of snapshots) {
    const key = JSON.stringify([snapshot.file ?? null, snapshot.format]);
    const others = files.get(key);
    if (others === undefined) files.set(key, [snapshot]);
    else others.push(snapshot);
  }
  const left = files.size - MAX_FILES;
  const hidden = Math.max(0, remarks.length - MAX_REMARKS) + moreRemarks;
  return {
    files: [...files.values()].slice(0, MAX_FILES).map(fileLine),
    moreFiles: left > 0 ? `And ${counted(left, 'more file', 'more files')}.` : null,
    compared:
      compared < snapshots.length && compared > 0
        ? `${counted(compared, 'snapshot is', 'snapshots are')} compared; the others repeat one, show another session, or have no tags.`
        : null,
    thinned:
      thinnedTo === undefined
        ? null
        : `Of each tag ${groupedNumber(thinnedTo)} points are kept, evenly chosen from all snapshots.`,
    remarks: remarks.slice(0, MAX_REMARKS).map(({ file, line, message }) => ({
      place: [file, line === undefined ? undefined : `line ${groupedNumber(line)}`]
        .filter(Boolean)
        .join(', '),
      message,
    })),
    remarksTitle: counted(remarks.length + moreRemarks, 'remark', 'remarks'),
    moreRemarks: hidden > 0 ? `And ${counted(hidden, 'more remark', 'more remarks')}.` : null,
  };
}

function fileLine(snapshots: LeakAnswer['snapshots']): string {
  const [{ file, format }] = snapshots;
  const times = snapshots.flatMap(({ takenAtMs }) => (takenAtMs === undefined ? [] : [takenAtMs]));
  let span = '';
  if (times.length > 0) {
    const [first, last] = times.reduce(
      ([low, high], time) => [Math.min(low, time), Math.max(high, time)],
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    );
    span = first === last ? `, ${timeText(first)} UTC` : `, ${timeText(first)} to ${timeText(last)} UTC`;
  }
  return `${file ?? 'What was pasted'}: ${counted(snapshots.length, 'snapshot', 'snapshots')} of ${FORMAT_WORDS[format]}${span}`;
}
