/** scanDriver: the bytes of one file in, what it says of its tags out. Pure: no disk, no clock, no Node module. */
import type { ScanOutcome } from '../data/facts.ts';
import { analyseCode, type CodeFindings } from './code/analyse-code.ts';
import { driverIdentity } from './driver-identity.ts';
import { driverSignature, type SignatureMeans } from './driver-signature.ts';
import { nameSites } from './name-sites.ts';
import { DriverSymbols } from './pdb/driver-symbols.ts';
import type { PublicSymbols } from './pdb/public-symbols.ts';
import { readDriverImage } from './pe/driver-image.ts';
import type { DriverImage } from './pe/image-facts.ts';
import { tagSightings } from './tag-sightings.ts';

/** What the caller knows of the file: its name without folders and the lower-case hex SHA-256 of its bytes. */
export interface FileFacts {
  fileName: string;
  sha256: string;
  /** The public symbols of this very build, where its PDB was found. */
  symbols?: PublicSymbols;
}

/** What the scan can use and the core does not have; what is left out, nobody looks for. */
export interface ScanMeans {
  signatures?: SignatureMeans;
  /** Asked while the code is searched: true ends that with what it has found by then. */
  isStopped?: () => boolean;
}

/** Scans one driver image. Never throws for what the bytes hold: a file that is no driver gives `refused`. */
export function scanDriver(bytes: Uint8Array, file: FileFacts, means: ScanMeans = {}): ScanOutcome {
  const image = readDriverImage(bytes);
  if ('code' in image) return { status: 'refused', fileName: file.fileName, reason: image };
  const signed = means.signatures && driverSignature(bytes, image.certificates, means.signatures);
  if (signed !== undefined) image.remarks.push(...signed.remarks);
  const signature = signed?.signature ?? null;
  const driver = driverIdentity(image, { ...file, sizeBytes: bytes.length, signature });
  const findings = analyseGuarded(image, file.fileName, means.isStopped);
  const { sightings, otherTags, remarks } = tagSightings(findings, driver);
  if (file.symbols !== undefined) {
    const functions = new Map(findings.uses.map(({ rva, functionRva }) => [rva, functionRva]));
    const symbols = new DriverSymbols(file.symbols, image);
    nameSites(sightings, symbols, file.fileName, rva => functions.get(rva));
  }
  return {
    status: 'scanned',
    driver,
    sightings,
    ...(otherTags.length > 0 ? { otherTags } : {}),
    remarks: [...image.remarks, ...remarks],
    partial: findings.isPartial,
  };
}

/** A fault of ours in the analysis costs the tags of this file, never its identity nor the other files. */
function analyseGuarded(image: DriverImage, fileName: string, isStopped?: () => boolean): CodeFindings {
  try {
    return analyseCode(image, fileName, { isStopped });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    image.remarks.push(
      `The code could not be analysed (a fault of this program, please report it): ${message}`,
    );
    return {
      uses: [],
      literals: [],
      isListedFunction: () => false,
      unresolvedCalls: 0,
      isPartial: true,
      isStopped: false,
    };
  }
}
