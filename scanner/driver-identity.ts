/** driverIdentity: what a driver file says about itself, from its image and the caller's facts of the file. */
import type { DriverIdentity } from '../data/facts.ts';
import type { DriverImage } from './pe/image-facts.ts';

/** What the caller knows of a file that the image cannot say. */
export interface IdentifiedFile {
  /** Without folders. */
  fileName: string;
  /** Lower-case hex. */
  sha256: string;
  sizeBytes: number;
}

/** The identity of a driver. Its link date is null where the header has none or a reproducible build put a hash there. */
export function driverIdentity(image: DriverImage, file: IdentifiedFile): DriverIdentity {
  return {
    fileName: file.fileName,
    sha256: file.sha256,
    sizeBytes: file.sizeBytes,
    arch: image.arch,
    linkDate: linkDate(image),
    ...image.version,
    pdbName: image.pdbName,
  };
}

function linkDate(image: DriverImage): string | null {
  if (image.timestamp === 0 || image.isReproducible) return null;
  return new Date(image.timestamp * 1000).toISOString().replace('.000Z', 'Z');
}
