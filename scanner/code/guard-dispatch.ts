/** Control Flow Guard: calls that go through a function which jumps to the address in a register. */
import type { DriverImage } from '../pe/image-facts.ts';
import { readInt32 } from './little-endian.ts';
import type { Value } from './values.ts';

/** br x15, what ARM64's dispatch function is before the kernel replaces it. */
const BR_X15 = 0xd61f01e0 | 0;

/**
 * Whether a pointer leads to the dispatch function: by the slots that the load config names, or, in images that were
 * compiled for it and linked without, by what stands there (`jmp rax`).
 */
export function isGuardDispatch(image: DriverImage, target: Value): boolean {
  const { dispatch, xfgDispatch } = image.guardSlots;
  if (target.kind === 'memory') {
    if (target.rva === dispatch || target.rva === xfgDispatch) return true;
    const stub = image.pointerAt(target.rva);
    return stub !== undefined && isDispatchStub(image, stub);
  }
  return target.kind === 'address' && isDispatchStub(image, target.rva);
}

/** Whether the function at an address does nothing but jump to the address in a register. */
export function isDispatchStub(image: DriverImage, rva: number): boolean {
  const section = image.sectionAt(rva);
  if (section === undefined || !section.executable) return false;
  const at = rva - section.rva;
  const { bytes } = section;
  if (at + 4 > bytes.length) return false;
  if (image.arch === 'arm64') return readInt32(bytes, at) === BR_X15;
  const jump = bytes[at] === 0x48 ? at + 1 : at;
  return image.arch === 'x64' && bytes[jump] === 0xff && bytes[jump + 1] === 0xe0;
}
