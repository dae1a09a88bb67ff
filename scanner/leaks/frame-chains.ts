/**
 * Which snapshots continue each other: a machine counts its allocations upwards until it restarts, so counters that drop
 * for many tags at once tell a restart, or another machine's log.
 */
import type { ReadRemark } from '../snapshots/pool-snapshot.ts';
import { type Frame, type KnownTag, NUMBERS_OF_ROW } from './frame-store.ts';

/** More starting points than this are tried no further: they are a heap of unlike files. */
const MAX_CHAINS = 16;
/** Tags whose counters must be comparable before they say anything. */
const LEAST_SHARED = 5;
/** A machine that goes on counts up in nearly all tags; single counters may wrap or be reset. */
const LEAST_UPWARD = 0.7;
/** Two listings of one machine share most of their tags; those cut to a screen share the largest. */
const LEAST_COMMON = 0.2;
const LEAST_TO_BE_COMMON = 40;
/** Physical memory that differs by more is that of another machine, or of one that was changed in between. */
const MEMORY_TOLERANCE = 0.02;
const COUNTERS = 2 ** 32;

export interface ChosenFrames {
  /** Places of the frames that are compared, ascending. */
  chosen: number[];
  /** A restart was found before them. */
  afterRestart: boolean;
  remarks: ReadRemark[];
}

/** Of frames in their order, those that one machine's pools showed between two restarts; the newest such run. */
export function chooseChain(frames: readonly Frame[], tags: readonly KnownTag[]): ChosenFrames {
  const remarks: ReadRemark[] = [];
  const inSession = chooseSession(frames, remarks);
  const chains: number[][] = [];
  const scratch = new Float64Array(tags.length);
  for (const at of inSession) {
    let best: number[] | undefined;
    let leastDistance = Number.POSITIVE_INFINITY;
    for (const chain of chains) {
      const distance = distanceBetween(frames[chain[chain.length - 1]], frames[at], scratch, tags);
      // Equal ones go to the newer chain.
      if (distance !== undefined && distance <= leastDistance) {
        leastDistance = distance;
        best = chain;
      }
    }
    if (best !== undefined) best.push(at);
    else if (chains.length < MAX_CHAINS) chains.push([at]);
  }
  if (chains.length <= 1) return { chosen: chains[0] ?? [], afterRestart: false, remarks };
  return { ...newestChain(chains, frames, remarks), remarks };
}

function newestChain(
  chains: number[][],
  frames: readonly Frame[],
  remarks: ReadRemark[],
): { chosen: number[]; afterRestart: boolean } {
  const overlaps = chains.some((chain, i) =>
    chains.some((other, k) => k > i && other[0] < chain[chain.length - 1]),
  );
  const memories = chains.map(chain => frames[chain[0]].memory.physicalBytes);
  const otherMachine = chains.some((_, i) => i > 0 && differs(memories[i - 1], memories[i]));
  const longest = chains.reduce((best, chain) => (chain.length >= best.length ? chain : best));
  const last = chains[chains.length - 1];
  const counts = chains.map(chain => chain.reduce((sum, at) => sum + frames[at].standsFor, 0));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const isRestart = !overlaps && !otherMachine;
  const chosen = isRestart && last.length > 1 ? last : longest;
  const used = counts[chains.indexOf(chosen)];
  const { file, line } = frames[isRestart ? last[0] : chosen[0]];
  const times = chains.length - 1;
  remarks.push({
    file,
    line,
    message: isRestart
      ? `The counters of many tags start anew here: the machine was restarted${times > 1 ? ` (${times} times in these snapshots)` : ''}. ${chosen === last ? 'Only the snapshots after the last restart are compared' : 'There is only one snapshot after it, so the longest run before it is compared'}: ${used} of ${total}.`
      : `These snapshots look like those of ${chains.length} different machines: ${otherMachine ? 'their memory differs in size' : 'their counters do not continue each other'}. Only the ${used} that belong together best, of ${total}, are compared. Give each machine's files by themselves.`,
  });
  return { chosen, afterRestart: isRestart && chosen === last };
}

/** The system's pools where they are there, else those of the session that is seen most. */
function chooseSession(frames: readonly Frame[], remarks: ReadRemark[]): number[] {
  const bySession = new Map<string, number[]>();
  frames.forEach((frame, i) => {
    const key = frame.session === undefined ? '' : String(frame.session);
    const places = bySession.get(key);
    if (places === undefined) bySession.set(key, [i]);
    else places.push(i);
  });
  if (bySession.size <= 1) return frames.map((_, i) => i);
  const chosen =
    bySession.get('') ??
    [...bySession.values()].reduce((best, places) => (places.length > best.length ? places : best));
  const { session } = frames[chosen[0]];
  const other = frames.find(frame => frame.session !== session)!;
  const name =
    session === undefined ? "the system's pools" : session === 'all' ? 'all sessions' : `session ${session}`;
  remarks.push({
    file: other.file,
    line: other.line,
    message: `Snapshots of sessions and of the system are mixed, which count different memory. Only those of ${name} are compared: ${chosen.length} of ${frames.length}.`,
  });
  return chosen;
}

/** How far the second frame has counted on from the first; undefined where it cannot continue it. */
function distanceBetween(
  first: Frame,
  second: Frame,
  scratch: Float64Array,
  tags: readonly KnownTag[],
): number | undefined {
  scratch.fill(Number.NEGATIVE_INFINITY);
  const inFirst = { nonpaged: 0, paged: 0 };
  first.tags.forEach((tag, row) => {
    scratch[tag] = first.numbers[row * NUMBERS_OF_ROW];
    inFirst[tags[tag].pool]++;
  });
  const inSecond = { nonpaged: 0, paged: 0 };
  let common = 0;
  let shared = 0;
  let downward = 0;
  let distance = 0;
  second.tags.forEach((tag, row) => {
    inSecond[tags[tag].pool]++;
    const before = scratch[tag];
    if (before === Number.NEGATIVE_INFINITY) return;
    common++;
    const after = second.numbers[row * NUMBERS_OF_ROW];
    // NaN, where no counters are printed, is neither.
    if (!(before >= 0 && after >= 0) || (before === 0 && after === 0)) return;
    shared++;
    const isWrap = before > COUNTERS / 2 && before < COUNTERS && after < COUNTERS / 2;
    if (after < before && !isWrap) downward++;
    distance += Math.abs(Math.log((after + 1) / (before + 1)));
  });
  const counted = shared >= LEAST_SHARED;
  if (counted) {
    if (downward > shared * (1 - LEAST_UPWARD)) return undefined;
  } else if (differs(first.memory.physicalBytes, second.memory.physicalBytes)) return undefined;
  // Only pools that both list can be compared: one may show the paged pool and the other the nonpaged one.
  const fewer = Math.min(inFirst.nonpaged, inSecond.nonpaged) + Math.min(inFirst.paged, inSecond.paged);
  if (fewer >= LEAST_TO_BE_COMMON && common < fewer * LEAST_COMMON) return undefined;
  return counted ? distance / shared : 0;
}

function differs(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && Math.abs(a - b) > MEMORY_TOLERANCE * Math.max(a, b);
}
