/** Reads the base relocations: where in the image pointers stand that the loader adjusts. */
import type { Arch } from '../../data/facts.ts';
import type { DataDirectory } from './image-headers.ts';
import type { ImageMemory } from './image-memory.ts';

/** Four million pointers; a driver of 60 MB has a few hundred kilobytes of table. */
const MAX_TABLE_BYTES = 8 * 1024 * 1024;
const BLOCK_HEADER_SIZE = 8;
/** IMAGE_REL_BASED_HIGHLOW and IMAGE_REL_BASED_DIR64: a whole pointer of the image's own size. */
const POINTER_TYPE: Record<Arch, number> = { x86: 3, x64: 10, arm64: 10 };

/** Sorted RVAs of the pointers that are relocated, each once. Reading stops at a block that is too short to be one. */
export function readRelocations(memory: ImageMemory, directory: DataDirectory, arch: Arch): Uint32Array {
  const table = memory.from(directory.rva, Math.min(directory.size, MAX_TABLE_BYTES));
  const wantedType = POINTER_TYPE[arch];
  const rvas = new Uint32Array(table.length >> 1);
  let count = 0;
  let isSorted = true;
  let block = 0;
  while (table.holds(block, BLOCK_HEADER_SIZE)) {
    const pageRva = table.u32(block);
    const blockSize = table.u32(block + 4);
    if (blockSize < BLOCK_HEADER_SIZE) break;
    const end = Math.min(block + blockSize, table.length) - 1;
    for (let at = block + BLOCK_HEADER_SIZE; at < end; at += 2) {
      const entry = table.u16(at);
      if (entry >>> 12 !== wantedType) continue;
      rvas[count] = pageRva + (entry & 0xfff);
      if (count > 0 && rvas[count] <= rvas[count - 1]) isSorted = false;
      count++;
    }
    block += blockSize;
  }
  const found = rvas.slice(0, count);
  return isSorted ? found : withoutRepeats(found.sort());
}

function withoutRepeats(sorted: Uint32Array): Uint32Array {
  return sorted.filter((rva, index) => index === 0 || rva !== sorted[index - 1]);
}
