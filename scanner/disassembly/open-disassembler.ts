/** openDisassembler: the disassembler for an image's processor. */
import type { DriverImage } from '../pe/image-facts.ts';
import { addressNames, type OwnNames } from './address-names.ts';
import { arm64Disassembler } from './arm64/arm64-disassembler.ts';
import type { Disassembler } from './disassembler.ts';

/** A disassembler for the image; close it when done. x86 and x64 load WebAssembly, which is why this waits. */
export async function openDisassembler(image: DriverImage, own: OwnNames): Promise<Disassembler> {
  const names = addressNames(image, own);
  if (image.arch === 'arm64') return arm64Disassembler(image, names);
  const { openX86Disassembler } = await import('./x86-disassembler.ts');
  return openX86Disassembler(image, names);
}
