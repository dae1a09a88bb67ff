/** Gives x86 and x64 instructions their meaning as operations: what moves constants about, and what calls. */
import { NONE, Op, type OperationList, SCRATCH_SUM } from '../operations.ts';
import { killOperands } from './emit.ts';
import { oneByte } from './one-byte.ts';
import { threeByte3a, twoByte } from './two-byte.ts';
import { OpcodeMap, type X86Decoder } from './x86-decoder.ts';

/** Appends what the decoder's current instruction at `rva` does; most give one operation, some two, some `nothing`. */
export function appendX86(d: X86Decoder, rva: number, out: OperationList): void {
  const first = out.count;
  if (d.unscaled !== NONE) sumIndexes(d, rva, out);
  if (d.map === OpcodeMap.oneByte) oneByte(d, rva, out);
  else if (d.map === OpcodeMap.twoByte) twoByte(d, rva, out);
  else if (d.map === OpcodeMap.threeByte38) killOperands(d, rva, out, d.opcode >= 0xf0);
  else if (d.map === OpcodeMap.threeByte3a) threeByte3a(d, rva, out);
  else killOperands(d, rva, out, false);
  if (out.count === first) out.add(Op.nothing, rva); // every instruction has a place to be found at
  const next = rva + d.length;
  for (let i = first; i < out.count; i++) out.nextRva[i] = next;
}

/** [table + register + register*4]: an operation has one index, so that another makes the sum first. */
function sumIndexes(d: X86Decoder, rva: number, out: OperationList): void {
  const i = out.add(Op.address, rva);
  out.dst[i] = SCRATCH_SUM;
  out.size[i] = 4;
  out.base[i] = d.unscaled;
  out.index[i] = d.index;
  out.scale[i] = d.scale;
  d.index = SCRATCH_SUM;
  d.scale = 0;
}
