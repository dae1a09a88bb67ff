/** What the addresses of an image are called: imports by their slots, its own functions by symbols and exports. */
import { DriverSymbols } from '../pdb/driver-symbols.ts';
import type { PublicSymbols } from '../pdb/public-symbols.ts';
import type { DriverImage } from '../pe/image-facts.ts';
import type { AddressNames } from './disassembler.ts';

/** Longer names (decorated C++) would push the instruction off the line. */
const MAX_NAME_CHARACTERS = 120;

/** What the image cannot say itself. */
export interface OwnNames {
  /** Without folders. */
  fileName: string;
  /** The public symbols of this very build. */
  symbols?: PublicSymbols;
}

/** The names of an image: printable ASCII, and cut where they are very long. Symbols win over exports. */
export function addressNames(image: DriverImage, { fileName, symbols }: OwnNames): AddressNames {
  const slots = new Map(
    image.imports.map(({ dll, name, ordinal, slotRva }) => [slotRva, `${dll}!${name ?? `#${ordinal}`}`]),
  );
  const exported = new Map(image.exports.map(({ name, rva }) => [rva, name]));
  const driverSymbols = symbols && new DriverSymbols(symbols, image);
  const module = fileName.replace(/(?<=.)\.[^.]*$/, '');
  return {
    nameOf(rva) {
      const place = driverSymbols?.nameOf(rva);
      const name = place?.offset === 0 ? place.name : exported.get(rva);
      return name === undefined || name === null ? undefined : cut(`${module}!${name}`);
    },
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
