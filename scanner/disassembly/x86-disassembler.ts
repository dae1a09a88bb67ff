/**
 * The disassembler of x86 and x64 images: iced-x86 in the spelling of MASM, which is WinDbg's. The only file that knows
 * iced-x86 (WebAssembly of 0.8 MB): it is loaded where an explanation asks for it, never by a scan.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, type Instruction } from 'iced-x86';
import { lastAddressNotAbove } from '../code/bytes/address-search.ts';
import { readInt32 } from '../code/bytes/little-endian.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import { namedAddress } from './address-names.ts';
import type { AddressNames, Disassembler } from './disassembler.ts';
import { bytesAt, bytesText } from './instruction-bytes.ts';

const MAX_INSTRUCTION_BYTES = 15;

/** Must be closed: what WebAssembly holds is never collected. */
export function openX86Disassembler(image: DriverImage, names: AddressNames): Disassembler {
  const formatter = new Formatter(FormatterSyntax.Masm);
  formatter.branchLeadingZeros = false;
  formatter.showBranchSize = false;
  formatter.masmAddDsPrefix32 = false;
  const isWide = image.arch === 'x64';
  return {
    at(rva) {
      const bytes = bytesAt(image, rva, MAX_INSTRUCTION_BYTES);
      if (bytes.length === 0) return undefined;
      const decoder = new Decoder(isWide ? 64 : 32, bytes, DecoderOptions.None);
      // With RVAs in place of addresses, all that is relative comes out as an RVA.
      decoder.ip = BigInt(rva);
      const decoded = decoder.decode();
      try {
        const length = Math.max(1, Math.min(decoded.length, bytes.length));
        const own = bytes.subarray(0, length);
        const text = decoded.isInvalid
          ? '??'
          : withNames(formatter.format(decoded), addressesIn(decoded, own, rva, image), names);
        return { rva, length, bytes: bytesText(own), text, note: null };
      } finally {
        decoded.free();
        decoder.free();
      }
    },
    close: () => formatter.free(),
  };
}

/** An address that an instruction names: as it stands in the text, and as an RVA. */
interface NamedAddress {
  shown: bigint;
  rva: number;
  kind: 'target' | 'memory' | 'immediate';
}

function addressesIn(
  decoded: Instruction,
  bytes: Uint8Array,
  rva: number,
  image: DriverImage,
): NamedAddress[] {
  const target = decoded.nearBranchTarget;
  if (target !== 0n) return [{ shown: target, rva: Number(target), kind: 'target' }];
  if (decoded.isIpRelMemoryOperand) {
    const address = decoded.ipRelMemoryAddress;
    return [{ shown: address, rva: Number(address), kind: 'memory' }];
  }
  return image.pointerSize === 4 ? relocatedIn(decoded, bytes, rva, image) : [];
}

/** On x86 the loader's relocations tell which numbers are addresses. */
function relocatedIn(
  decoded: Instruction,
  bytes: Uint8Array,
  rva: number,
  image: DriverImage,
): NamedAddress[] {
  const { relocations, imageBase } = image;
  const found: NamedAddress[] = [];
  const displacement = decoded.memoryDisplacement & 0xffffffffn;
  let at = lastAddressNotAbove(relocations, rva) + 1;
  for (; at < relocations.length && relocations[at] + 4 <= rva + bytes.length; at++) {
    const address = readInt32(bytes, relocations[at] - rva) >>> 0;
    const isMemory = BigInt(address) === displacement && !found.some(({ kind }) => kind === 'memory');
    found.push({
      shown: BigInt(address),
      rva: address - imageBase,
      kind: isMemory ? 'memory' : 'immediate',
    });
  }
  return found;
}

/** A number as MASM writes it; iced-x86 writes those below ten in decimals, and no address is that small. */
const HEX_NUMBER = /\b[0-9][0-9A-F]*h\b/g;

function withNames(text: string, addresses: readonly NamedAddress[], names: AddressNames): string {
  let named = text;
  for (const address of addresses) {
    let isDone = false;
    named = named.replace(HEX_NUMBER, number => {
      if (isDone || BigInt(`0x${number.slice(0, -1)}`) !== address.shown) return number;
      isDone = true;
      return wordsFor(address, names);
    });
  }
  return named;
}

function wordsFor({ rva, kind }: NamedAddress, names: AddressNames): string {
  const slot = kind === 'memory' ? names.importAt(rva) : undefined;
  if (slot !== undefined) return slot;
  return kind === 'immediate' ? `offset ${namedAddress(rva, names)}` : namedAddress(rva, names);
}
