/** Which addresses of the image a function names: a quick look that spares most functions a closer one. */
import { Alu, BASE_IMAGE, Flag, NONE, Op, type OperationList } from '../processors/operations.ts';

/** By register, the page that ARM64's adrp gave it last: the add behind it may stand some instructions away. */
const PAGES = new Int32Array(256);

/**
 * Whether the operations name an address for which `isWanted` holds: of an array also where an element is read by an index. `isRead`: of
 * others too where only what stands there is read.
 */
export function namesAddress(
  operations: OperationList,
  isWanted: (rva: number) => boolean,
  isRead = false,
): boolean {
  const { op, flags, low, dst, left, source, alu, base, index, displacement, count } = operations;
  for (let i = 0; i < count; i++) {
    let rva: number | undefined;
    if (
      base[i] === BASE_IMAGE &&
      (op[i] === Op.address || (op[i] === Op.load && (isRead || index[i] !== NONE)))
    )
      rva = displacement[i];
    else if (flags[i] === Flag.immediateIsAddress) {
      rva = low[i];
      PAGES[dst[i]] = rva;
    } else if (op[i] === Op.binary && alu[i] === Alu.add && source[i] === NONE) rva = PAGES[left[i]] + low[i];
    if (rva !== undefined && isWanted(rva)) return true;
  }
  return false;
}
