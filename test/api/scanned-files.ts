/** Scan results for tests of the formats and commands. */
import type { DriverIdentity, Evidence, ScannedDriver } from '../../data/facts.ts';
import { poolTag, tagId } from '../../data/pool-tag.ts';
import type { ScannedFile } from '../../scanner/driver-files.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

/** A driver with these tags, each with its evidence. */
export function scannedDriver(
  tags: Record<string, Evidence[]>,
  driver: Partial<DriverIdentity> = {},
): ScannedDriver {
  return {
    status: 'scanned',
    driver: {
      ...NO_FACTS,
      // In another order than the contract's, which the writers must not depend on.
      pdbName: 'foo.pdb',
      fileName: 'foo.sys',
      sha256: 'ab'.repeat(32),
      sizeBytes: 81920,
      arch: 'x64',
      linkDate: '2024-05-01T09:00:00Z',
      company: 'Contoso',
      product: 'Storage',
      description: 'Filter',
      version: '3.2.0.0',
      originalName: 'foo.sys',
      ...driver,
    },
    sightings: Object.entries(tags).map(([tag, evidence]) => ({
      evidence,
      tag: poolTag(tag),
      id: tagId(poolTag(tag)),
      protected: false,
    })),
    remarks: [],
    partial: false,
  };
}

/** The driver of {@link scannedDriver} as a file of a scan. */
export function scannedFile(
  tags: Record<string, Evidence[]>,
  driver: Partial<DriverIdentity> = {},
  file = 'C:\\Windows\\System32\\drivers\\foo.sys',
): ScannedFile {
  return { file, outcome: scannedDriver(tags, driver), elapsedMs: 12.54321 };
}

/** A file that was refused. */
export function refusedFile(file: string, message = 'It does not begin with MZ.'): ScannedFile {
  const fileName = file.split(/[\\/]/).at(-1)!;
  const reason = { code: 'not-a-pe' as const, message };
  return { file, outcome: { status: 'refused', fileName, reason }, elapsedMs: 0.2 };
}

/** An allocation at an address. */
export function allocation(rva = 0x1234): Evidence {
  return { kind: 'allocation-call', api: 'ntoskrnl.exe!ExAllocatePoolWithTag', rva, functionRva: 0x1200 };
}
