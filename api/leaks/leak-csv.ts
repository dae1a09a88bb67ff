/** The tags of an answer as comma-separated values: one row for each tag and pool. */
import { type PoolTag, tagText } from '../../data/pool-tag.ts';
import { csvLine } from '../export-formats/csv.ts';
import type { LeakAnswer, TagView } from './leak-answer.ts';

const COLUMNS = [
  'rank',
  'tag',
  'id',
  'pool',
  'verdict',
  'bytes',
  'diff',
  'allocs',
  'frees',
  'bytesPerAlloc',
  'growthBytes',
  'bytesPerHour',
  'bytesPerHourLow',
  'bytesPerHourHigh',
  'allocsPerHour',
  'trendP',
  'poolShare',
  'hoursToLimit',
  'snapshots',
  'image',
  'summary',
  'mapped',
  'reason',
] as const;

/** The header, then the tags in the order of the answer; bytes of a tag that are no letters as `\xE9`, its id beside it. */
export function* leakCsv({ tags }: Pick<LeakAnswer, 'tags'>): Generator<string> {
  yield csvLine(COLUMNS);
  for (const tag of tags) yield csvLine(row(tag));
}

function row(view: TagView) {
  const { rank, tag, id, pool, verdict, last, growthBytes, bytesRate, allocsRate } = view;
  const { trendP, poolShare, hoursToLimit, snapshots, owners, summary, mapped, reasons } = view;
  return [
    rank,
    tagText(tag as PoolTag),
    id,
    pool,
    verdict,
    last.bytes,
    last.diff,
    last.allocs,
    last.frees,
    rounded(last.bytesPerAlloc),
    growthBytes,
    rounded(bytesRate?.perHour),
    rounded(bytesRate?.low),
    rounded(bytesRate?.high),
    rounded(allocsRate?.perHour),
    trendP,
    poolShare,
    rounded(hoursToLimit),
    snapshots,
    owners.find(({ image }) => image !== null)?.image,
    summary,
    mapped.join('; '),
    reasons[0],
  ];
}

/** More digits than that are noise. */
function rounded(number: number | undefined): number | undefined {
  return number === undefined ? undefined : Math.round(number * 100) / 100;
}
