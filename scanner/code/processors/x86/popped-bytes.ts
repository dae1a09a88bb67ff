/** How far the stack pointer moves across a call on x86, where callees pop their arguments. */
import type { DriverImage } from '../../../pe/image-facts.ts';
import { Alu, BASE_IMAGE, NONE, Op, OperationList, X86 } from '../operations.ts';
import { type InstructionFront, OPENS_FRAME, type PoppedBytes } from '../processor.ts';
import { poppedBytes as documentedBytes } from './import-stack-bytes.ts';

/** A callee is read this far for its return; most end much earlier. */
const MAX_CALLEE_INSTRUCTIONS = 4000;
/** Instructions read in callees of one image, per byte of its code: each function is read once or twice. */
const INSTRUCTIONS_PER_CODE_BYTE = 1;
const LEAST_INSTRUCTIONS = 50_000;
/** Jumps from stub to stub that are followed. */
const MAX_HOPS = 4;

/** Other processors pop nothing in the callee. */
export const popsNothing: PoppedBytes = () => 0;

/** Answers for an x86 image; each callee is read once. */
export function x86PoppedBytes(image: DriverImage, front: InstructionFront): PoppedBytes {
  const nameBySlot = new Map(
    image.imports.flatMap(({ name, slotRva }) => (name === null ? [] : [[slotRva, name]])) as [
      number,
      string,
    ][],
  );
  const byFunction = new Map<number, number | undefined>();
  const scratch = new OperationList();
  let instructionsLeft = image.sections.reduce(
    (sum, { executable, bytes }) => sum + (executable ? bytes.length * INSTRUCTIONS_PER_CODE_BYTE : 0),
    LEAST_INSTRUCTIONS,
  );

  function ofSlot(slotRva: number): number | undefined {
    if (slotRva === image.guardSlots.check || slotRva === image.guardSlots.xfgCheck) return 0;
    const name = nameBySlot.get(slotRva);
    if (name === undefined) return undefined;
    const decorated = /@(\d+)$/.exec(name);
    return decorated === null ? documentedBytes(name) : Number(decorated[1]);
  }

  function ofFunction(rva: number, hops: number): number | undefined {
    if (byFunction.has(rva)) return byFunction.get(rva);
    byFunction.set(rva, undefined); // ends cycles of jumps
    const bytes = readFunction(rva, hops);
    byFunction.set(rva, bytes);
    return bytes;
  }

  function readFunction(rva: number, hops: number): number | undefined {
    const section = image.sectionAt(rva);
    if (section === undefined || !section.executable) return undefined;
    if (opensFrame(section.bytes, rva - section.rva)) return OPENS_FRAME;
    let at = rva;
    scratch.clear();
    for (let count = 0; count < MAX_CALLEE_INSTRUCTIONS && instructionsLeft > 0; count++) {
      instructionsLeft--;
      const first = scratch.count;
      const length = front.append(section.bytes, at - section.rva, section.bytes.length, at, scratch);
      if (length === 0 || scratch.count === first) return undefined;
      const last = scratch.count - 1;
      const op = scratch.op[last];
      if (op === Op.return) return scratch.low[last];
      if (op === Op.jumpIndirect)
        return scratch.base[last] === BASE_IMAGE ? ofSlot(scratch.displacement[last]) : undefined;
      if (op === Op.stop) return undefined;
      if (op === Op.jump) {
        const target = scratch.low[last];
        // A jump forward stays in the function (the code behind it is read on); any other is a tail call.
        const isInside = target > at && target - at < 0x200 && count > 0;
        if (!isInside) return hops < MAX_HOPS ? ofFunction(target, hops + 1) : undefined;
        at = target;
        continue;
      }
      at += length;
    }
    return undefined;
  }

  return (i, operations) => {
    const { op, low, base, index, displacement, source } = operations;
    let bytes: number | undefined;
    if (op[i] === Op.call) bytes = ofFunction(low[i], 0);
    else if (base[i] === BASE_IMAGE && index[i] === NONE) bytes = ofSlot(displacement[i]);
    else if (source[i] !== NONE) bytes = ofRegister(operations, i, ofSlot);
    return bytes ?? bytesFromContext(operations, i);
  };
}

/** `mov esi, [import]` somewhere before `call esi`. */
function ofRegister(
  operations: OperationList,
  i: number,
  ofSlot: (slotRva: number) => number | undefined,
): number | undefined {
  const { op, dst, base, index, displacement, source } = operations;
  for (let before = i - 1; before >= 0; before--) {
    if (dst[before] !== source[i]) continue;
    if (op[before] === Op.pop) continue; // an epilogue on another path
    const isImport = op[before] === Op.load && base[before] === BASE_IMAGE && index[before] === NONE;
    return isImport ? ofSlot(displacement[before]) : undefined;
  }
  return undefined;
}

/**
 * For a callee that is not known: the caller cleans up (`add esp, n`) or restores what the callee popped
 * (`sub esp, n`, as gcc writes); failing both, the callee pops what was pushed for it in this run of code.
 */
function bytesFromContext(operations: OperationList, i: number): number {
  const { op, dst, alu, source, low, count } = operations;
  const next = i + 1;
  if (next < count && op[next] === Op.binary && dst[next] === X86.sp && source[next] === NONE) {
    return alu[next] === Alu.add ? 0 : alu[next] === Alu.subtract ? low[next] : 0;
  }
  if (next < count && op[next] === Op.pop && dst[next] === X86.cx) return 0;
  let pushed = 0;
  const saved = lastSaved(operations);
  for (let before = i - 1; before > saved; before--) {
    const kind = op[before];
    if (kind === Op.push) pushed += 4;
    else if (kind >= Op.pop && kind <= Op.return) break;
    else if (dst[before] === X86.sp) break;
  }
  return pushed > 0 && isCleanedUp(operations, i, pushed) ? 0 : pushed;
}

/** The registers that a function gives back as it was given them. */
const SAVED: readonly number[] = [X86.bx, X86.bp, X86.si, X86.di];

/**
 * The last of the pushes with which a function saves its caller's registers, or -1: what it has put nothing into yet is no argument.
 * Parameters may be copied to other registers in between.
 */
function lastSaved({ op, dst, source, count }: OperationList): number {
  const written = new Set<number>();
  let last = -1;
  for (let i = 0; i < count; i++) {
    if (op[i] === Op.push) {
      if (!SAVED.includes(source[i]) || written.has(source[i])) break;
      last = i;
    } else if (op[i] >= Op.pop && op[i] <= Op.return) break;
    else written.add(dst[i]);
  }
  return last;
}

/** Instructions between a call and what takes its arguments off the stack, where a compiler has put others in between. */
const MAX_BETWEEN = 6;

/** Whether the caller takes at least so many bytes off the stack soon after the call `i`, other than where it returns. */
function isCleanedUp({ op, dst, alu, source, low, count }: OperationList, i: number, bytes: number): boolean {
  for (let next = i + 1; next + 1 < count && next <= i + MAX_BETWEEN; next++) {
    if (op[next] >= Op.push && op[next] <= Op.return) return false;
    if (dst[next] !== X86.sp) continue;
    const isAdded = op[next] === Op.binary && alu[next] === Alu.add && source[next] === NONE;
    const isEpilogue = op[next + 1] === Op.pop || op[next + 1] === Op.return || op[next + 1] === Op.jump;
    return isAdded && low[next] >= bytes && !isEpilogue;
  }
  return false;
}

/** The first bytes of `_SEH_prolog` and its kin: they read fs:[0] and set ebp with `lea ebp, [esp+10h]`. */
export function opensFrame(bytes: Uint8Array, start: number): boolean {
  let readsChain = false;
  for (let p = start; p < start + 64 && p + 4 <= bytes.length; p++) {
    if (bytes[p] === 0x64 && (bytes[p + 1] === 0xa1 || bytes[p + 1] === 0xff)) readsChain = true;
    if (
      readsChain &&
      bytes[p] === 0x8d &&
      bytes[p + 1] === 0x6c &&
      bytes[p + 2] === 0x24 &&
      bytes[p + 3] === 0x10
    )
      return true;
  }
  return false;
}
