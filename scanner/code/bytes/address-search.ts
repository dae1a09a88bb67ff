/** Finding an address among sorted ones and among sections. */
import type { Section } from '../../pe/image-facts.ts';

/** The section whose bytes in the file hold the RVA. */
export function sectionOf(code: readonly Section[], rva: number): Section | undefined {
  // Asked for each address of an image: a function for each would be garbage.
  for (let n = 0; n < code.length; n++) {
    const section = code[n];
    if (rva >= section.rva && rva < section.rva + section.bytes.length) return section;
  }
  return undefined;
}

/** As {@link lastNotAbove} for addresses alone, which are searched for so often that no function is made for each search. */
export function lastAddressNotAbove(addresses: Uint32Array, wanted: number): number {
  let low = 0;
  let high = addresses.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle] <= wanted) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}

/** The greatest index whose key is not above `wanted`, in ascending keys; -1 where there is none. */
export function lastNotAbove(count: number, key: (index: number) => number, wanted: number): number {
  let low = 0;
  let high = count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (key(middle) <= wanted) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}
