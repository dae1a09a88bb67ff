/** Makes the buffers that Windows answers with, in the layouts of both pointer sizes. */
import type { PointerBytes } from '../../../scanner/live/pool-tag-records.ts';

/** Allocations, frees and bytes of one pool. */
export type PoolCounts = [allocs: number, frees: number, bytes: number | bigint];

export interface TagCounts {
  /** Four characters, one for each byte. */
  tag: string;
  paged?: PoolCounts;
  nonpaged?: PoolCounts;
}

/** The answer to SystemPoolTagInformation; `claimed` is what the count says, where it is to be wrong. */
export function poolTagBuffer(
  tags: readonly TagCounts[],
  pointerBytes: PointerBytes,
  claimed = tags.length,
): Uint8Array {
  const recordBytes = pointerBytes === 8 ? 40 : 28;
  const bytes = new Uint8Array(pointerBytes + tags.length * recordBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, claimed, true);
  const writePool = (offset: number, [allocs, frees, used]: PoolCounts) => {
    view.setUint32(offset, allocs, true);
    view.setUint32(offset + 4, frees, true);
    if (pointerBytes === 8) view.setBigUint64(offset + 12, BigInt(used), true);
    else view.setUint32(offset + 8, Number(used), true);
  };
  tags.forEach(({ tag, paged = [0, 0, 0], nonpaged = [0, 0, 0] }, i) => {
    const record = pointerBytes + i * recordBytes;
    for (let j = 0; j < 4; j++) view.setUint8(record + j, tag.charCodeAt(j));
    // ULONG, ULONG, SIZE_T: on x64 four bytes of padding stand before the paged SIZE_T, none before the nonpaged one.
    if (pointerBytes === 8) {
      writePool(record + 4, paged);
      view.setUint32(record + 24, nonpaged[0], true);
      view.setUint32(record + 28, nonpaged[1], true);
      view.setBigUint64(record + 32, BigInt(nonpaged[2]), true);
    } else {
      writePool(record + 4, paged);
      writePool(record + 16, nonpaged);
    }
  });
  return bytes;
}
