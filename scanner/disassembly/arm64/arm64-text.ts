/**
 * ARM64 instructions as text, as WinDbg spells them: all that drivers do around allocations. What it does not know
 * (most of the vector unit) is written as the word itself, never as a guess.
 */
import { branchText } from './branch-text.ts';
import { immediateText } from './immediate-text.ts';
import { memoryText } from './memory-text.ts';
import { type AddressWriter, bits, instruction } from './operands.ts';
import { registerText } from './register-text.ts';
import { vectorText } from './vector-text.ts';

/** The text of the instruction word at an RVA; addresses in it are written by `address`. */
export function arm64Text(word: number, rva: number, address: AddressWriter): string {
  return (
    knownText(word, rva, address) ?? instruction('.word', `0x${(word >>> 0).toString(16).padStart(8, '0')}`)
  );
}

function knownText(word: number, rva: number, address: AddressWriter): string | undefined {
  switch (bits(word, 28, 25)) {
    case 0b1000:
    case 0b1001:
      return immediateText(word, rva, address);
    case 0b1010:
    case 0b1011:
      return branchText(word, rva, address);
    case 0b0100:
    case 0b0110:
    case 0b1100:
    case 0b1110:
      return memoryText(word, rva, address);
    case 0b0101:
    case 0b1101:
      return registerText(word);
    case 0b0111:
    case 0b1111:
      return vectorText(word);
  }
  return undefined;
}
