/** LiveSource: snapshots of this computer's pools, made from what Windows answers; the calls themselves are given. */
import type { PoolSnapshot } from '../snapshots/pool-snapshot.ts';
import { decodePerformanceInformation, emptyPerformanceInformation } from './performance-information.ts';
import { decodePoolTags, type PointerBytes } from './pool-tag-records.ts';

/** The two calls of Windows that are needed. */
export interface SystemCalls {
  /** Of the process that calls, not of the machine. */
  pointerBytes: PointerBytes;
  /**
   * NtQuerySystemInformation for SystemPoolTagInformation (22): fills the buffer and gives the NTSTATUS (as an unsigned
   * number) and how many bytes it wrote or would need; 0 where Windows does not say.
   */
  queryPoolTags(buffer: Uint8Array): { status: number; returnedBytes: number };
  /** GetPerformanceInfo: fills the structure; false where Windows refused. */
  readPerformance(buffer: Uint8Array): boolean;
}

/** Why there is no snapshot. */
interface LiveRefusal {
  code: 'no-answer' | 'tagging-off' | 'access-denied' | 'too-large' | 'failed' | 'no-calls';
  /** What was asked, what came, and what to do, in full sentences. */
  message: string;
}

export type LiveOutcome =
  | { status: 'read'; snapshot: PoolSnapshot; remarks: string[] }
  | { status: 'refused'; reason: LiveRefusal };

export interface LiveSource {
  /** Reads the pools once. `nowMs` is the time that the snapshot will bear, in milliseconds since 1970 UTC. */
  read(nowMs: number): LiveOutcome;
}

const STATUS_NOT_IMPLEMENTED = 0xc000_0002;
const STATUS_INVALID_INFO_CLASS = 0xc000_0003;
const STATUS_INFO_LENGTH_MISMATCH = 0xc000_0004;
const STATUS_ACCESS_DENIED = 0xc000_0022;
const STATUS_PRIVILEGE_NOT_HELD = 0xc000_0061;
/** NTSTATUS values from here on are errors and warnings. */
const FIRST_FAILURE = 0x8000_0000;

/** Holds 6,500 tags of x64; today's Windows has about 3,000. */
const FIRST_BUFFER_BYTES = 256 * 1024;
/** 1.6 million tags; the kernel's own table ends long before. */
const MAX_BUFFER_BYTES = 64 * 1024 * 1024;
/** Tags may come up between two tries, but not as many as double the buffer, time after time. */
const MAX_TRIES = 12;
/** Room for tags that come up between being told the size and asking again. */
const SPARE_BYTES = 16 * 1024;

/** A source over these calls. The buffer is kept from one read to the next. */
export function liveSource(calls: SystemCalls): LiveSource {
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  const performance = emptyPerformanceInformation(calls.pointerBytes);

  function read(nowMs: number): LiveOutcome {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { status, returnedBytes } = calls.queryPoolTags(buffer);
      if (status === STATUS_INFO_LENGTH_MISMATCH) {
        const wanted = Math.max(buffer.length * 2, returnedBytes + SPARE_BYTES);
        if (buffer.length >= MAX_BUFFER_BYTES) return refused('too-large');
        buffer = new Uint8Array(Math.min(wanted, MAX_BUFFER_BYTES));
        continue;
      }
      if (status >= FIRST_FAILURE) return refused(codeOf(status), status);
      const isKnown = returnedBytes > 0 && returnedBytes <= buffer.length;
      return snapshotOf(isKnown ? buffer.subarray(0, returnedBytes) : buffer, nowMs);
    }
    return refused('too-large');
  }

  function snapshotOf(bytes: Uint8Array, nowMs: number): LiveOutcome {
    const { rows, remarks } = decodePoolTags(bytes, calls.pointerBytes);
    const hasMemory = calls.readPerformance(performance);
    const memory = hasMemory ? decodePerformanceInformation(performance, calls.pointerBytes) : {};
    const snapshot: PoolSnapshot = {
      format: 'pooltag-json',
      file: undefined,
      line: 1,
      takenAtMs: nowMs,
      timeFrom: 'given',
      rows,
      memory,
      processes: [],
      blocks: [],
      verifier: [],
    };
    return { status: 'read', snapshot, remarks };
  }

  return { read };
}

function codeOf(status: number): LiveRefusal['code'] {
  if (status === STATUS_INVALID_INFO_CLASS) return 'no-answer';
  if (status === STATUS_NOT_IMPLEMENTED) return 'tagging-off';
  if (status === STATUS_ACCESS_DENIED || status === STATUS_PRIVILEGE_NOT_HELD) return 'access-denied';
  return 'failed';
}

function refused(code: LiveRefusal['code'], status?: number): LiveOutcome {
  return { status: 'refused', reason: { code, message: messageOf(code, status) } };
}

function messageOf(code: LiveRefusal['code'], status = 0): string {
  const answer = `0x${status.toString(16).toUpperCase().padStart(8, '0')}`;
  switch (code) {
    case 'no-answer':
      return `This system does not tell what its pool tags hold (it answers ${answer}, an unknown kind of information), as Wine does not. Run pooltag watch on Windows itself.`;
    case 'tagging-off':
      return `Pool tagging is off on this computer (Windows answers ${answer}). Up to Windows XP it must be switched on first: gflags /r +ptg, then restart. Later versions have it always on.`;
    case 'access-denied':
      return `Windows does not let this process see the pool tags (it answers ${answer}). Run pooltag watch from an ordinary or an elevated command prompt, outside of a sandbox.`;
    case 'too-large':
      return `Windows asked for more than ${MAX_BUFFER_BYTES / 1024 / 1024} MB for its list of pool tags, or for more with every try, which cannot be right. Try again; if it stays so, please report it.`;
    default:
      return `Windows did not give the list of its pool tags (it answers ${answer}). Try again; if it stays so, please report it with that number.`;
  }
}
