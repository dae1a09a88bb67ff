/** What an image itself calls its addresses: imports by their slots, and its own exports. */
import type { DriverImage } from '../pe/image-facts.ts';
import type { AddressNames } from './disassembler.ts';

/** Longer names (decorated C++) would push the instruction off the line. */
const MAX_NAME_CHARACTERS = 120;

/** The names of an image. Names come from the file: they are printable ASCII, and cut where they are very long. */
export function addressNames(image: DriverImage): AddressNames {
  const slots = new Map(
    image.imports.map(({ dll, name, ordinal, slotRva }) => [slotRva, `${dll}!${name ?? `#${ordinal}`}`]),
  );
  const own = new Map(image.exports.map(({ name, rva }) => [rva, name]));
  return {
    nameOf: rva => cut(own.get(rva)),
    importAt: rva => cut(slots.get(rva)),
  };
}

function cut(name: string | undefined): string | undefined {
  if (name === undefined || name.length <= MAX_NAME_CHARACTERS) return name;
  return `${name.slice(0, MAX_NAME_CHARACTERS)}...`;
}

/** An address of code or data as text: `0x1a40`, or `DriverEntry (0x1a40)`. */
export function namedAddress(rva: number, { nameOf }: AddressNames): string {
  const address = `${rva < 0 ? '-' : ''}0x${Math.abs(rva).toString(16)}`;
  const name = nameOf(rva);
  return name === undefined ? address : `${name} (${address})`;
}
