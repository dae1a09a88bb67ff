/** What loads a driver is said wherever the driver is shown. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { driverAnswerSchema } from '../../api/document-schemas.ts';
import { answerDriver } from '../../api/driver-answer.ts';
import { ndjsonScanWriter } from '../../api/export-formats/ndjson.ts';
import { textScanWriter } from '../../api/export-formats/text.ts';
import { identityRows } from '../../api/page-models/driver-identity-rows.ts';
import { servicesInWords } from '../../api/service-words.ts';
import { terminalStyle } from '../../api/terminal-text.ts';
import type { DriverService, DriverStart } from '../../data/facts.ts';
import { poolTag, tagId } from '../../data/pool-tag.ts';
import { withServices } from '../../scanner/service-tags.ts';
import { sampleCatalogue } from './sample-facts.ts';
import { allocation, scannedFile } from './scanned-files.ts';

const service = (name: string, start: DriverStart): DriverService => ({ name, start, type: 'kernel-driver' });
const ATBOOT = service('AtBoot', 'boot');

// services, words
const WORDS: [DriverService[], string][] = [
  [[], 'installed, not started: no service names it'],
  [[ATBOOT], 'loaded at boot by service AtBoot'],
  [[service('S', 'system')], 'loaded while Windows starts by service S'],
  [[service('A', 'automatic')], 'loaded once Windows runs by service A'],
  [[service('M', 'manual')], 'installed, and loaded when it is needed by service M'],
  [[service('D', 'disabled')], 'installed, not loaded: it is disabled as service D'],
  [
    [service('M', 'manual'), ATBOOT],
    'loaded at boot by service AtBoot; installed, and loaded when it is needed by service M',
  ],
];
for (const [services, words] of WORDS) {
  test(`In words: ${words}.`, () => {
    assert.equal(servicesInWords(services), words);
  });
}

const known = scannedFile({ Foo1: [allocation()] });
const file = {
  ...known,
  outcome: { ...known.outcome, services: [service('Foo\u001b[2J', 'boot')] },
} as typeof known;

test('Text has a line for it, without control characters, and none where nothing is known.', () => {
  const writer = textScanWriter({ style: terminalStyle(false), entriesFor: () => [] });
  assert.match(writer.file(file), /^ {2}loaded at boot by service Foo\\x1B\[2J$/m);
  assert.doesNotMatch(writer.file(known), /service/);
  const copy = writer.file({ ...file, sameAs: 'C:\\first\\foo.sys' });
  assert.match(copy, /the same file as C:\\first\\foo\.sys\n.*\n {2}loaded at boot/);
  assert.doesNotMatch(copy, /Foo1/);
});

test('NDJSON has the services and the first path, behind all else.', () => {
  const line = JSON.parse(ndjsonScanWriter().file({ ...file, sameAs: 'x' }));
  assert.deepEqual(line.services, [{ name: 'Foo\u001b[2J', start: 'boot', type: 'kernel-driver' }]);
  assert.deepEqual(Object.keys(line).slice(-2), ['services', 'sameAs']);
});

test("The driver's document and page have them.", async () => {
  const catalogue = await sampleCatalogue();
  const [driver] = catalogue.allDrivers();
  const answer = await answerDriver({ ...driver, services: [ATBOOT] }, catalogue);
  assert.deepEqual(driverAnswerSchema.parse(JSON.parse(JSON.stringify(answer))).services, [ATBOOT]);
  const [row] = identityRows(driver.driver, answer.services);
  assert.equal(row.label, 'On this computer');
  assert.equal(row.lines[0].text, 'loaded at boot by service AtBoot');
  assert.ok(identityRows(driver.driver).every(({ label }) => label !== 'On this computer'));
});

test('A copy that no service names does not hide what loads the driver.', async () => {
  const catalogue = await sampleCatalogue();
  const [driver] = catalogue.allDrivers();
  for (const services of [[ATBOOT], [], undefined]) catalogue.addOutcome({ ...driver, services });
  assert.deepEqual(catalogue.driver(driver.driver.sha256)?.services, [ATBOOT]);
});

test('A copy that no service names keeps the tag that is made of a service of the other one.', async () => {
  const catalogue = await sampleCatalogue();
  const [driver] = catalogue.allDrivers();
  const tag = poolTag('Zzzz');
  const evidence = [{ kind: 'default-tag', rva: 0x1000, rule: 'by the file' } as const];
  const sightings = [{ tag, id: tagId(tag), protected: false, evidence }];
  const byService = withServices({ ...driver, sightings }, [ATBOOT]);
  for (const outcome of [byService, { ...driver, sightings }]) catalogue.addOutcome(outcome);
  const tags = catalogue.driver(driver.driver.sha256)?.sightings.map(one => one.tag);
  assert.deepEqual(tags, ['AtBo']);
  assert.equal(catalogue.records().filter(record => record.tag === tag).length, 0);
});
