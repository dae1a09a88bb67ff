/** Snapshots in the order of their times, with the hour of each, and remarks where that is not as plain as it should be. */
import type { ReadRemark } from '../snapshots/pool-snapshot.ts';
import { type Frame, NUMBERS_OF_ROW } from './frame-store.ts';

export interface OrderedFrames {
  frames: Frame[];
  /** Of each frame, in hours since the first; undefined where times are not known. */
  hours: Float64Array | undefined;
  /** At least one of these hours comes from `everyMs`. */
  isGiven: boolean;
  remarks: ReadRemark[];
}

const MS_PER_HOUR = 3_600_000;

/**
 * By time where all have one, else as they came. `everyMs` gives times to those that no text tells. Frames of one
 * moment become one.
 */
export function orderFrames(frames: readonly Frame[], everyMs?: number): OrderedFrames {
  const remarks: ReadRemark[] = [];
  const known = knownTimes(frames, everyMs !== undefined);
  const times = timesOf(frames, known, everyMs, remarks);
  if (times === undefined) return { frames: [...frames], hours: undefined, isGiven: false, remarks };
  const order = frames.map((_, i) => i).sort((a, b) => times[a] - times[b] || a - b);
  remarkBackwards(frames, times, remarks);
  const merged: Frame[] = [];
  const mergedTimes: number[] = [];
  let disagreeing: Frame | undefined;
  for (const i of order) {
    const last = merged.length - 1;
    if (last >= 0 && mergedTimes[last] === times[i] && merged[last].session === frames[i].session) {
      const both = mergeFrames(merged[last], frames[i]);
      if (both.disagrees) disagreeing ??= frames[i];
      merged[last] = both.frame;
    } else {
      merged.push(frames[i]);
      mergedTimes.push(times[i]);
    }
  }
  if (disagreeing !== undefined)
    remarks.push({
      file: disagreeing.file,
      line: disagreeing.line,
      message:
        'Two snapshots of the same moment have different numbers for a tag. The one that came later was taken.',
    });
  return {
    frames: merged,
    hours: Float64Array.from(mergedTimes, time => (time - mergedTimes[0]) / MS_PER_HOUR),
    isGiven: known.includes(undefined),
    remarks,
  };
}

/** The time of each frame by itself. The dates of files do not count where times are given. */
function knownTimes(frames: readonly Frame[], areGiven: boolean): (number | undefined)[] {
  const known = frames.map(frame => frame.takenAtMs);
  // A file has one date: of several snapshots in it, only the last may have been taken then.
  const sameFile = new Map<string, number>();
  const keyOf = (frame: Frame) =>
    frame.timeFrom === 'file' ? `${frame.takenAtMs} ${frame.file ?? ''}` : undefined;
  for (const frame of frames) {
    const key = keyOf(frame);
    if (key !== undefined) sameFile.set(key, (sameFile.get(key) ?? 0) + 1);
  }
  frames.forEach((frame, i) => {
    const key = keyOf(frame);
    if (key !== undefined && (areGiven || sameFile.get(key)! > 1)) known[i] = undefined;
  });
  return known;
}

/** Milliseconds for each frame, or undefined where one has none. */
function timesOf(
  frames: readonly Frame[],
  known: readonly (number | undefined)[],
  everyMs: number | undefined,
  remarks: ReadRemark[],
): number[] | undefined {
  const untold = known.filter(time => time === undefined).length;
  if (untold === 0) return [...known] as number[];
  if (everyMs !== undefined && everyMs > 0) {
    if (untold === known.length) return frames.map(frame => frame.place * everyMs);
    const first = known.findIndex(time => time !== undefined);
    let last = known[first]! - (frames[first].place - frames[0].place) * everyMs;
    let lastPlace = frames[0].place;
    return frames.map((frame, i) => {
      last = known[i] ?? last + (frame.place - lastPlace) * everyMs;
      lastPlace = frame.place;
      return last;
    });
  }
  if (frames.length > 1) {
    const at = known.indexOf(undefined);
    remarks.push({
      file: frames[at].file,
      line: frames[at].line,
      message:
        untold === known.length
          ? 'Nothing tells when the snapshots were taken, so they are compared in the order they came and there are no rates. Give the time between two of them with --every, such as --every 30m.'
          : `Of ${known.length} snapshots, ${untold} do not tell when they were taken, so all are compared in the order they came and there are no rates. Give the time between two of them with --every, such as --every 30m.`,
    });
  }
  return undefined;
}

function remarkBackwards(frames: readonly Frame[], times: readonly number[], remarks: ReadRemark[]): void {
  const at = frames.findIndex(
    (frame, i) => i > 0 && frame.file === frames[i - 1].file && times[i] < times[i - 1],
  );
  if (at < 0) return;
  remarks.push({
    file: frames[at].file,
    line: frames[at].line,
    message:
      'This snapshot is older than the one before it in the text. The snapshots were put into the order of their times; if the clock was changed in between, rates are wrong there.',
  });
}

/** Rows of both; where both have a tag, the second one's. */
function mergeFrames(first: Frame, second: Frame): { frame: Frame; disagrees: boolean } {
  const rows = new Map<number, { from: Frame; row: number }>();
  let disagrees = false;
  first.tags.forEach((tag, row) => {
    rows.set(tag, { from: first, row });
  });
  second.tags.forEach((tag, row) => {
    const other = rows.get(tag);
    if (other !== undefined && rowDiffers(first, other.row, second, row)) disagrees = true;
    rows.set(tag, { from: second, row });
  });
  const numbers = new Float64Array(rows.size * NUMBERS_OF_ROW);
  let at = 0;
  for (const { from, row } of rows.values()) {
    numbers.set(from.numbers.subarray(row * NUMBERS_OF_ROW, (row + 1) * NUMBERS_OF_ROW), at);
    at += NUMBERS_OF_ROW;
  }
  return {
    frame: {
      ...second,
      standsFor: first.standsFor + second.standsFor,
      memory: { ...first.memory, ...second.memory },
      tags: Int32Array.from(rows.keys()),
      numbers,
    },
    disagrees,
  };
}

function rowDiffers(first: Frame, row: number, second: Frame, secondRow: number): boolean {
  for (let i = 0; i < NUMBERS_OF_ROW; i++) {
    const a = first.numbers[row * NUMBERS_OF_ROW + i];
    const b = second.numbers[secondRow * NUMBERS_OF_ROW + i];
    if (!Number.isNaN(a) && !Number.isNaN(b) && a !== b) return true;
  }
  return false;
}
