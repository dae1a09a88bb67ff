/** scanDriver: the bytes of one file in, what it says of its tags out. Pure: no disk, no clock, no Node module. */
import type { ScanOutcome } from '../data/facts.ts';
import { analyseCode } from './code/analyse-code.ts';
import { driverIdentity } from './driver-identity.ts';
import { readDriverImage } from './pe/driver-image.ts';
import { tagSightings } from './tag-sightings.ts';

/** What the caller knows of the file: its name without folders and the lower-case hex SHA-256 of its bytes. */
export interface FileFacts {
  fileName: string;
  sha256: string;
}

/** Scans one driver image. Never throws for what the bytes hold: a file that is no driver gives `refused`. */
export function scanDriver(bytes: Uint8Array, file: FileFacts): ScanOutcome {
  const image = readDriverImage(bytes);
  if ('code' in image) return { status: 'refused', fileName: file.fileName, reason: image };
  const driver = driverIdentity(image, { ...file, sizeBytes: bytes.length });
  const findings = analyseCode(image, file.fileName);
  const { sightings, remarks } = tagSightings(findings);
  return {
    status: 'scanned',
    driver,
    sightings,
    remarks: [...image.remarks, ...remarks],
    partial: findings.isPartial,
  };
}
