/** driverIdentity: what a driver file says about itself, from its image and the caller's facts of the file. */
import type { DriverIdentity, DriverSignature } from '../data/facts.ts';
import { frameworksOf } from './frameworks.ts';
import { importedDlls, importedPoolFunctions } from './import-facts.ts';
import type { DriverImage } from './pe/image-facts.ts';

/** What the caller knows of a file that the image cannot say. */
export interface IdentifiedFile {
  /** Without folders. */
  fileName: string;
  /** Lower-case hex. */
  sha256: string;
  sizeBytes: number;
  /** null where nobody looked. */
  signature: DriverSignature | null;
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
    pdbId: image.pdbId,
    buildHash: buildHash(image),
    hybrid: image.hybrid,
    frameworks: frameworksOf(image),
    imports: importedDlls(image.imports),
    poolFunctions: importedPoolFunctions(image.imports),
    signature: file.signature,
  };
}

function linkDate(image: DriverImage): string | null {
  if (image.timestamp === 0 || image.isReproducible) return null;
  return new Date(image.timestamp * 1000).toISOString().replace('.000Z', 'Z');
}

/** The whole hash where the linker wrote it, else the part that stands in the header's time stamp. */
function buildHash({ isReproducible, reproHash, timestamp }: DriverImage): string | null {
  if (!isReproducible) return null;
  return reproHash ?? timestamp.toString(16).padStart(8, '0');
}
