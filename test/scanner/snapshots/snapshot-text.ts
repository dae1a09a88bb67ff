/** A PoolSnapshot as short lines, so that vectors can say what is expected of a text. */
import { type PoolTag, tagId } from '../../../data/pool-tag.ts';
import type { PoolSnapshot, ReadRemark } from '../../../scanner/snapshots/pool-snapshot.ts';

export function resultText({
  snapshots,
  remarks,
}: {
  snapshots: PoolSnapshot[];
  remarks: ReadRemark[];
}): string[] {
  return [
    ...snapshots.flatMap(snapshotText),
    ...remarks.map(({ line, message }) => `remark ${line ?? '-'} ${message}`),
  ];
}

function snapshotText(snapshot: PoolSnapshot): string[] {
  const { takenAtMs, timeFrom, session, computer, verifierTotals } = snapshot;
  const time = takenAtMs === undefined ? '' : ` ${new Date(takenAtMs).toISOString()} by ${timeFrom}`;
  const head =
    `${snapshot.format} from line ${snapshot.line}${time}` +
    `${session === undefined ? '' : ` session ${session}`}${computer === undefined ? '' : ` of ${computer}`}`;
  return [
    head,
    ...(Object.keys(snapshot.memory).length > 0 ? [`  memory ${fields(snapshot.memory)}`] : []),
    ...snapshot.rows.map(({ tag, pool, mapped, isInexact, ...figures }) => {
      const owner = mapped === undefined ? '' : ` | ${mapped}`;
      return `  ${shown(tag)} ${pool} ${fields(figures)}${isInexact ? ' inexact' : ''}${owner}`;
    }),
    ...snapshot.processes.map(({ name, ...figures }) => `  process ${name} ${fields(figures)}`),
    ...snapshot.blocks.map(({ tag, ...rest }) => `  block ${shown(tag)} ${fields(rest)}`),
    ...(verifierTotals === undefined ? [] : [`  verified in all ${fields(verifierTotals)}`]),
    ...snapshot.verifier.flatMap(({ driver, allocations, ...rest }) => [
      `  verified ${driver} ${fields(rest)}`,
      ...allocations.map(({ tag, ...more }) => `    ${shown(tag)} ${fields(more)}`),
    ]),
  ];
}

function shown(tag: PoolTag): string {
  return /^[!-~]{4}$/.test(tag) ? tag : `${JSON.stringify(tag)}=${tagId(tag)}`;
}

function fields(record: object): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
