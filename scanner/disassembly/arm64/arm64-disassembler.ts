/** The disassembler of ARM64 images. */
import { readInt32 } from '../../code/bytes/little-endian.ts';
import type { DriverImage } from '../../pe/image-facts.ts';
import { namedAddress } from '../address-names.ts';
import type { AddressNames, Disassembler } from '../disassembler.ts';
import { bytesAt, bytesText } from '../instruction-bytes.ts';
import { arm64Text } from './arm64-text.ts';
import { pageAddress } from './page-address.ts';

const INSTRUCTION_BYTES = 4;

/** Holds nothing that would need closing. */
export function arm64Disassembler(image: DriverImage, names: AddressNames): Disassembler {
  const write = (rva: number) => namedAddress(rva, names);
  const wordAt = (rva: number) => {
    const bytes = bytesAt(image, rva, INSTRUCTION_BYTES);
    return bytes.length < INSTRUCTION_BYTES ? undefined : readInt32(bytes, 0);
  };
  return {
    at(rva) {
      const word = rva % INSTRUCTION_BYTES === 0 ? wordAt(rva) : undefined;
      if (word === undefined) return undefined;
      const bytes = bytesText(bytesAt(image, rva, INSTRUCTION_BYTES));
      const address = pageAddress(word, rva, wordAt);
      const note = address === undefined ? undefined : (names.importAt(address) ?? names.nameOf(address));
      return { rva, length: INSTRUCTION_BYTES, bytes, text: arm64Text(word, rva, write), note: note ?? null };
    },
    close() {},
  };
}
