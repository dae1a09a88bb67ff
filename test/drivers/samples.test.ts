/** The sample drivers that ship with the program: what a scan says of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { scoreDriver } from '../eval/score.ts';
import { readTruth } from './truth.ts';

const SAMPLES = [
  ['sample-disk', 'x64', 'Sample Storage (no real company)', '2.1.0.7', 'sample-disk.pdb'],
  ['sample-net', 'x86', 'Sample Networks (no real company)', '10.0.3.42', null],
  ['sample-files', 'x64', 'Sample Security (no real company)', '1.4.2.0', null],
] as const;

for (const [name, arch, company, version, pdbName] of SAMPLES) {
  const bytes = new Uint8Array(readFileSync(projectFile('data', 'samples', `${name}.sys`)));
  const outcome = scanDriver(bytes, { fileName: `${name}.sys`, sha256: '0'.repeat(64) });
  assert.equal(outcome.status, 'scanned');

  test(`${name}.sys says who made it`, () => {
    const { driver } = outcome;
    assert.deepEqual(
      [driver.arch, driver.company, driver.version, driver.pdbName, driver.originalName, driver.product],
      [arch, company, version, pdbName, `${name}.sys`, 'Pooltag sample drivers'],
    );
  });

  test(`${name}.sys shows the tags of its source and no others`, () => {
    const { misses, falseHits } = scoreDriver(outcome, readTruth(`samples/${name}.c`, new Set([arch])));
    assert.deepEqual(falseHits, []);
    assert.deepEqual(
      misses.filter(({ declared }) => declared.stage === 1),
      [],
    );
  });
}
