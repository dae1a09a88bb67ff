/** The disassembler of ARM64 images. */
import type { DriverImage } from '../../pe/image-facts.ts';
import { namedAddress } from '../address-names.ts';
import type { AddressNames, Disassembler } from '../disassembler.ts';
import { bytesAt, bytesText } from '../instruction-bytes.ts';
import { arm64Text } from './arm64-text.ts';

const INSTRUCTION_BYTES = 4;

/** Holds nothing that would need closing. */
export function arm64Disassembler(image: DriverImage, names: AddressNames): Disassembler {
  const write = (rva: number) => namedAddress(rva, names);
  return {
    at(rva) {
      const bytes = bytesAt(image, rva, INSTRUCTION_BYTES);
      if (bytes.length < INSTRUCTION_BYTES || rva % INSTRUCTION_BYTES !== 0) return undefined;
      const word = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24);
      return { rva, length: INSTRUCTION_BYTES, bytes: bytesText(bytes), text: arm64Text(word, rva, write) };
    },
    close() {},
  };
}
