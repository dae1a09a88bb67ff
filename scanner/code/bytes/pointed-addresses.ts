/** Which addresses the pointers in an image's data lead to: something begins there, and what stood before it has ended. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { lastAddressNotAbove } from './address-search.ts';

const targetsOf = new WeakMap<DriverImage, Uint32Array>();

/** The lowest address from `rva` on that a pointer leads to, below `limitRva`; else `limitRva`. */
export function nextPointedAt(image: DriverImage, rva: number, limitRva: number): number {
  let targets = targetsOf.get(image);
  if (targets === undefined) {
    targets = pointerTargets(image);
    targetsOf.set(image, targets);
  }
  const next = targets[lastAddressNotAbove(targets, rva - 1) + 1];
  return next === undefined || next >= limitRva ? limitRva : next;
}

/** Where relocated pointers lead, ascending: read once, when an array is first read without a bound. */
function pointerTargets(image: DriverImage): Uint32Array {
  const targets = new Uint32Array(image.relocations.length);
  let count = 0;
  for (const at of image.relocations) {
    const target = image.pointerAt(at);
    if (target !== undefined) targets[count++] = target;
  }
  return targets.subarray(0, count).sort();
}
