/** The pieces that ARM64 instructions are translated with. Register 31 is zero, or the stack pointer as a base. */
import { Op, type OperationList } from '../operations.ts';

/** The register holds something that is not followed; writes to the zero register change nothing. */
export function kill(register: number, rva: number, out: OperationList): void {
  if (register === 31) out.add(Op.nothing, rva);
  else out.dst[out.add(Op.kill, rva)] = register;
}

/** `dst = source` where source 31 is the zero register. */
export function moveRegister(
  dst: number,
  source: number,
  size: number,
  rva: number,
  out: OperationList,
): void {
  const i = out.add(Op.move, rva);
  out.dst[i] = dst;
  out.size[i] = size;
  if (source !== 31) out.source[i] = source;
}

/** `dst = left ALU ...`; the caller sets the other operand of the operation that is returned. */
export function binary(
  alu: number,
  dst: number,
  left: number,
  size: number,
  rva: number,
  out: OperationList,
): number {
  const i = out.add(Op.binary, rva);
  out.alu[i] = alu;
  out.dst[i] = dst;
  out.left[i] = left;
  out.size[i] = size;
  return i;
}
