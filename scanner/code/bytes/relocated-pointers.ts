/** Pointers that the loader relocates: what is known to be an address. */
import type { DriverImage } from '../../pe/image-facts.ts';

/** Where the pointer at this RVA leads, where the loader relocates it. */
export function relocatedPointerAt(image: DriverImage, rva: number): number | undefined {
  return isRelocated(image.relocations, rva) ? image.pointerAt(rva) : undefined;
}

/** Whether the loader relocates the pointer at this RVA; `relocations` is sorted. */
export function isRelocated(relocations: Uint32Array, rva: number): boolean {
  let low = 0;
  let high = relocations.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const at = relocations[middle];
    if (at === rva) return true;
    if (at < rva) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
