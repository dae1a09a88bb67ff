/** A kept outcome comes back with all that its driver says of itself, and not where that has another shape. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { ScanOutcome } from '../../../data/facts.ts';
import { entryText, readEntry } from '../../../scanner/cache/cached-outcome.ts';
import { signatureMeans } from '../../../scanner/files/signature-means.ts';
import { scanDriver } from '../../../scanner/scan-driver.ts';

const KEY = 'ab'.repeat(32);

async function signedFilter(): Promise<ScanOutcome & { status: 'scanned' }> {
  const path = new URL('../../drivers/signed/sample-files.dual-signed.sys', import.meta.url);
  const bytes = new Uint8Array(readFileSync(path));
  const signatures = await signatureMeans(bytes);
  const outcome = scanDriver(bytes, { fileName: 'a.sys', sha256: KEY }, { signatures });
  assert.ok(outcome.status === 'scanned');
  return outcome;
}

test('A signed driver with frameworks and imports is found again', async () => {
  const outcome = await signedFilter();
  assert.ok(outcome.driver.frameworks.length > 0 && outcome.driver.signature?.status === 'signed');
  assert.deepEqual(readEntry(KEY, entryText(KEY, outcome)), outcome);
});

for (const [fact, value] of [
  ['frameworks', ['kmdf']],
  ['imports', [{ dll: 'a.sys' }]],
  ['poolFunctions', null],
  ['signature', undefined],
  ['signature', { status: 'signed', signatures: [{}] }],
] as const) {
  test(`An entry whose ${fact} is ${JSON.stringify(value)} is none`, async () => {
    const outcome = await signedFilter();
    const driver = { ...outcome.driver, [fact]: value };
    assert.equal(readEntry(KEY, entryText(KEY, { ...outcome, driver } as ScanOutcome)), undefined);
  });
}
