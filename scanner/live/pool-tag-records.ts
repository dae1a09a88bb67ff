/** Decodes what Windows answers for SystemPoolTagInformation: a count, then a record for every tag. */
import { type PoolTag, tagId } from '../../data/pool-tag.ts';
import type { Pool, PoolRow } from '../snapshots/pool-snapshot.ts';

/** Bytes of a SIZE_T: 8 on x64 and ARM64, 4 on x86. */
export type PointerBytes = 4 | 8;

interface RecordLayout {
  /** Where the records begin: the count before them is padded to a pointer. */
  firstRecord: number;
  recordBytes: number;
  /** Offsets in a record of allocations, frees (32 bits each) and bytes in use (a SIZE_T). The tag is at 0. */
  paged: PoolOffsets;
  nonpaged: PoolOffsets;
}

interface PoolOffsets {
  allocs: number;
  frees: number;
  bytes: number;
}

/**
 * `SYSTEM_POOLTAG` of both pointer sizes, as public headers of phnt describe it:
 * `{UCHAR Tag[4]; ULONG PagedAllocs, PagedFrees; SIZE_T PagedUsed; ULONG NonPagedAllocs, NonPagedFrees; SIZE_T NonPagedUsed}`.
 */
const LAYOUTS: Record<PointerBytes, RecordLayout> = {
  8: {
    firstRecord: 8,
    recordBytes: 40,
    paged: { allocs: 4, frees: 8, bytes: 16 },
    nonpaged: { allocs: 24, frees: 28, bytes: 32 },
  },
  4: {
    firstRecord: 4,
    recordBytes: 28,
    paged: { allocs: 4, frees: 8, bytes: 12 },
    nonpaged: { allocs: 16, frees: 20, bytes: 24 },
  },
};

/** Below this no allocation of a pool is, so that a difference of more allocations than bytes allow is no difference. */
const SMALLEST_BLOCK: Record<PointerBytes, number> = { 4: 8, 8: 16 };
/** From here on the difference of two 32-bit counters is more likely a small negative number. */
const HALF_OF_COUNTER = 0x8000_0000;

export interface DecodedPoolTags {
  /** Nonpaged and paged rows of every tag; a pool that a tag never allocated from has none. */
  rows: PoolRow[];
  /** What is odd about the answer, in full sentences. */
  remarks: string[];
}

/**
 * The rows of an answer. `bytes` is as much of the buffer as was filled. A count that the bytes cannot hold is cut to
 * what is there, with a remark; a tag that comes twice is one row.
 */
export function decodePoolTags(bytes: Uint8Array, pointerBytes: PointerBytes): DecodedPoolTags {
  const layout = LAYOUTS[pointerBytes];
  if (bytes.length < layout.firstRecord) {
    return {
      rows: [],
      remarks: [
        `Windows answered with ${bytes.length} bytes, which is too short for a list of pool tags (at least ${layout.firstRecord}).`,
      ],
    };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = view.getUint32(0, true);
  const there = Math.floor((bytes.length - layout.firstRecord) / layout.recordBytes);
  const remarks: string[] = [];
  if (claimed > there) {
    remarks.push(
      `Windows announced ${claimed} pool tags, but its answer holds ${there}; the rest is missing from this snapshot.`,
    );
  }
  const rows = new PoolRows(view, pointerBytes);
  for (let i = 0; i < Math.min(claimed, there); i++) {
    const record = layout.firstRecord + i * layout.recordBytes;
    const tag = String.fromCharCode(...bytes.subarray(record, record + 4)) as PoolTag;
    rows.add(tag, 'nonpaged', record, layout.nonpaged);
    rows.add(tag, 'paged', record, layout.paged);
  }
  return { rows: [...rows.byKey.values()], remarks: [...remarks, ...rows.remarks()] };
}

/** As many tags as a sentence can name. */
const MAX_TAGS_NAMED = 5;

/** Collects rows; a tag that comes again adds to its row. */
class PoolRows {
  readonly byKey = new Map<string, PoolRow>();
  readonly #view: DataView;
  readonly #pointerBytes: PointerBytes;
  readonly #absurd = new Set<PoolTag>();

  constructor(view: DataView, pointerBytes: PointerBytes) {
    this.#view = view;
    this.#pointerBytes = pointerBytes;
  }

  add(tag: PoolTag, pool: Pool, record: number, offsets: PoolOffsets): void {
    const allocs = this.#view.getUint32(record + offsets.allocs, true);
    const frees = this.#view.getUint32(record + offsets.frees, true);
    const bytes = this.#size(record + offsets.bytes);
    if (allocs === 0 && frees === 0 && bytes === 0) return;
    const key = tag + pool;
    const before = this.byKey.get(key);
    const row: PoolRow = {
      tag,
      pool,
      allocs: wrapped((before?.allocs ?? 0) + allocs),
      frees: wrapped((before?.frees ?? 0) + frees),
    };
    const sum = (before?.bytes ?? 0) + bytes;
    if (Number.isSafeInteger(sum)) row.bytes = sum;
    else this.#absurd.add(tag);
    row.diff = inUse(row.allocs!, row.frees!, row.bytes, this.#pointerBytes);
    this.byKey.set(key, row);
  }

  remarks(): string[] {
    if (this.#absurd.size === 0) return [];
    const named = [...this.#absurd].slice(0, MAX_TAGS_NAMED).map(tag => `0x${tagId(tag)}`);
    const more = this.#absurd.size - named.length;
    return [
      `The bytes in use of ${this.#absurd.size === 1 ? 'a tag' : `${this.#absurd.size} tags`} are more than 2^53, which no computer has, and are left out (bytes of the tag in memory order: ${named.join(', ')}${more > 0 ? ' and others' : ''}).`,
    ];
  }

  /** A SIZE_T; beyond 2^53 the number is not exact, and is refused by whoever adds it up. */
  #size(offset: number): number {
    return this.#pointerBytes === 8
      ? Number(this.#view.getBigUint64(offset, true))
      : this.#view.getUint32(offset, true);
  }
}

function wrapped(counter: number): number {
  return counter % 0x1_0000_0000;
}

/**
 * Allocations that are not freed, from two counters that wrap around. The kernel does not read both at one moment, so that
 * frees may be a few ahead: then nothing is in use.
 */
function inUse(allocs: number, frees: number, bytes: number | undefined, pointerBytes: PointerBytes): number {
  const difference = (allocs - frees) >>> 0;
  const isNegative =
    difference >= HALF_OF_COUNTER && (bytes ?? 0) < difference * SMALLEST_BLOCK[pointerBytes];
  return isNegative ? 0 : difference;
}
