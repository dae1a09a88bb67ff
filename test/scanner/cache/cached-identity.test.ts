/** A kept outcome comes back with all that its driver says of itself, and not where that has another shape. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { ScanOutcome } from '../../../data/facts.ts';
import { projectFile } from '../../../data/project-files.ts';
import { entryText, readEntry } from '../../../scanner/cache/cached-outcome.ts';
import { signatureMeans } from '../../../scanner/files/signature-means.ts';
import { scanDriver } from '../../../scanner/scan-driver.ts';

const KEY = 'ab'.repeat(32);

async function signedFilter(): Promise<ScanOutcome & { status: 'scanned' }> {
  const path = projectFile('test', 'drivers', 'signed', 'sample-files.dual-signed.sys');
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

test('Tags that are no pool tags, pool, size and symbols are found again', () => {
  const path = projectFile('test', 'drivers', 'built', 'buffer-pools.x64.clang.O2.sys');
  const outcome = scanDriver(new Uint8Array(readFileSync(path)), { fileName: 'a.sys', sha256: KEY });
  assert.ok(outcome.status === 'scanned' && outcome.otherTags?.length === 2);
  const evidence = outcome.sightings.flatMap(sighting => sighting.evidence);
  const asking = evidence.find(({ pool, sizeBytes }) => pool !== undefined && sizeBytes !== undefined);
  assert.ok(asking);
  Object.assign(asking, { symbol: 'a!Allocate+0x4', wrappers: [0x1000], wrapperSymbols: [null] });
  assert.deepEqual(readEntry(KEY, entryText(KEY, outcome)), outcome);
});

const OTHER = {
  tag: 'Lock',
  id: '4c6f636b',
  kind: 'remove-lock',
  api: 'ntoskrnl.exe!IoInitializeRemoveLockEx',
  rva: 1,
  sites: 1,
};
for (const [otherTags, isWhole] of [
  [[OTHER], true],
  [[], true],
  [undefined, true],
  [{}, false],
  [null, false],
  [[null], false],
  [[{ ...OTHER, tag: 'Locks' }], false],
  [[{ ...OTHER, tag: 'Loc\u0100' }], false],
  [[{ ...OTHER, id: 7 }], false],
  [[{ ...OTHER, kind: 'toString' }], false],
  [[{ ...OTHER, api: undefined }], false],
  [[{ ...OTHER, rva: '1' }], false],
  [[OTHER, { ...OTHER, sites: null }], false],
] as const) {
  test(`An entry whose tags of other things are ${JSON.stringify(otherTags)} is ${isWhole ? 'one' : 'none'}`, async () => {
    const outcome = { ...(await signedFilter()), otherTags } as ScanOutcome;
    assert.equal(readEntry(KEY, entryText(KEY, outcome)) !== undefined, isWhole);
  });
}

for (const [fact, value] of [
  ['pool', 1],
  ['sizeBytes', '64'],
  ['symbol', {}],
  ['wrapperSymbols', 'a!B'],
] as const) {
  test(`An entry with evidence whose ${fact} is ${JSON.stringify(value)} is none`, async () => {
    const outcome = await signedFilter();
    Object.assign(outcome.sightings[0].evidence[0], { [fact]: value });
    assert.equal(readEntry(KEY, entryText(KEY, outcome)), undefined);
  });
}

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
