/**
 * Control Flow Guard: calls that go through a function which jumps to the address in a register, and calls of the
 * function that checks one before it is called.
 */
import type { DriverImage } from '../../pe/image-facts.ts';
import { readInt32 } from '../bytes/little-endian.ts';
import { BASE_IMAGE, NONE, Op } from '../processors/operations.ts';
import type { Value } from './values.ts';
import { register, type Walk } from './walk.ts';

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

/** Whether the call goes to Control Flow Guard's check, which keeps every register that it is given. */
export function callsGuardCheck(walk: Walk, i: number, depth: number): boolean {
  const { op, source, base, index, displacement, rva } = walk.body.operations;
  const { check, xfgCheck } = walk.image.guardSlots;
  if (op[i] !== Op.callIndirect || (check === null && xfgCheck === null)) return false;
  if (source[i] === NONE)
    return (
      base[i] === BASE_IMAGE &&
      index[i] === NONE &&
      (displacement[i] === check || displacement[i] === xfgCheck)
    );
  const known = walk.guardChecks.get(rva[i]);
  if (known !== undefined) return known;
  walk.guardChecks.set(rva[i], false); // in a loop the call is met again while its own target is looked for
  const { values } = walk.at(register(source[i]), i, depth + 1);
  const isCheck = values.some(
    value => value.kind === 'memory' && (value.rva === check || value.rva === xfgCheck),
  );
  walk.guardChecks.set(rva[i], isCheck);
  return isCheck;
}
