/** The instruction front of x86 and x64: decoder and meaning together. */
import type { OperationList } from '../operations.ts';
import type { InstructionFront } from '../processor.ts';
import { X86Decoder } from './x86-decoder.ts';
import { appendX86 } from './x86-operations.ts';

/** `isRelocated` tells whether the loader relocates the four (x64: eight) bytes at an RVA. */
export function x86Front(
  is64: boolean,
  imageBase: number,
  isRelocated: (rva: number) => boolean,
): InstructionFront {
  const decoder = new X86Decoder(is64, imageBase, isRelocated);
  return {
    append(bytes: Uint8Array, position: number, end: number, rva: number, out: OperationList): number {
      const length = decoder.decode(bytes, position, end, rva);
      if (length !== 0) appendX86(decoder, rva, out);
      return length;
    },
  };
}
