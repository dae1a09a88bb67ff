/** A scanned driver whose file is at hand, for tests of explanations. */
import assert from 'node:assert/strict';
import type { Catalogue } from '../../api/catalogue.ts';
import { projectFile } from '../../data/project-files.ts';
import { scanDriverFile } from '../../scanner/files/scan-driver-file.ts';

/** Scans a file (one of the samples without it) into a catalogue. `tag` is its first proven one. */
export async function addDriverWithFile(
  catalogue: Catalogue,
  file = projectFile('data', 'samples', 'sample-disk.sys'),
): Promise<{ sha256: string; tag: string; sites: number; file: string }> {
  const outcome = await scanDriverFile({ path: file, isNamed: true });
  assert.ok(outcome.status === 'scanned', JSON.stringify(outcome));
  catalogue.addOutcome(outcome, { file });
  const { tag, evidence } = outcome.sightings.find(one => one.evidence[0].kind === 'allocation-call')!;
  return { sha256: outcome.driver.sha256, tag, sites: evidence.length, file };
}
