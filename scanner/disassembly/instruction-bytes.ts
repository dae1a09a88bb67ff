/** The bytes of an image where an instruction stands. */
import type { DriverImage } from '../pe/image-facts.ts';

const NOTHING = new Uint8Array(0);

/** Up to `most` bytes from an RVA on, to the end of what the file holds of the section. */
export function bytesAt(image: DriverImage, rva: number, most: number): Uint8Array {
  const section = image.sectionAt(rva);
  if (section === undefined) return NOTHING;
  const at = rva - section.rva;
  return section.bytes.subarray(at, at + most);
}

/** `41 b8 54 43`. */
export function bytesText(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ');
}
