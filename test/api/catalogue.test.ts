import assert from 'node:assert/strict';
import test from 'node:test';
import { answerTag } from '../../api/answers.ts';
import { Catalogue } from '../../api/catalogue.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { poolTag } from '../../data/pool-tag.ts';
import type { SearchIndex } from '../../data/search-index.ts';
import { SearchUnavailable } from '../../data/search-index.ts';
import { DRIVERS, driver, evidence, KNOWLEDGE, sampleCatalogue } from './sample-facts.ts';

const ALL = { q: '', page: 1, pageSize: 20 };

/** An embedded index whose updates are counted, and fail while `isAway`. */
function watchedIndex(kind = 'embedded') {
  const inner = createEmbeddedIndex();
  const watch = { updates: 0, replacements: 0, isAway: false };
  const index: SearchIndex = {
    kind,
    remarks: () => inner.remarks(),
    count: () => inner.count(),
    find: tag => inner.find(tag),
    findMany: tags => inner.findMany(tags),
    caseVariants: tag => inner.caseVariants(tag),
    covering: tag => inner.covering(tag),
    search: query => inner.search(query),
    prepare: () => inner.prepare(),
    close: () => inner.close(),
    replaceAll: records => {
      watch.replacements++;
      return inner.replaceAll(records);
    },
    update: async records => {
      if (watch.isAway) throw new SearchUnavailable('away');
      watch.updates++;
      await inner.update(records);
    },
  };
  return { index, watch };
}

test('a new catalogue has knowledge and lists in the index, drivers not yet', async () => {
  const { index, watch } = watchedIndex();
  const catalogue = await Catalogue.create({ knowledge: KNOWLEDGE, index });
  assert.equal(watch.replacements, 1);
  assert.ok(await index.find(poolTag('Thre')));
  const summary = await catalogue.summary();
  assert.equal(summary.drivers, 0);
  assert.equal(summary.scan.state, 'idle');
});

test('an index that a server keeps is filled only where it is empty', async () => {
  const { index, watch } = watchedIndex('meilisearch');
  await Catalogue.create({ knowledge: KNOWLEDGE, index });
  await Catalogue.create({ knowledge: KNOWLEDGE, index });
  assert.equal(watch.replacements, 1);
  await Catalogue.create({ knowledge: KNOWLEDGE, index, fill: true });
  assert.equal(watch.replacements, 2);
});

test('many drivers go into the index together, and the version rises with them', async () => {
  const { index, watch } = watchedIndex();
  const catalogue = await Catalogue.create({ knowledge: KNOWLEDGE, index });
  const before = catalogue.version;
  for (let i = 0; i < 20; i++)
    catalogue.addOutcome(driver(`d${i}.sys`, { Same: evidence('allocation-call') }));
  assert.equal(catalogue.version, before, 'nothing in the index has changed yet');
  await catalogue.flush();
  assert.equal(watch.updates, 1);
  assert.ok(catalogue.version > before);
  assert.equal((await index.find(poolTag('Same')))!.sightings.length, 20);
  const after = catalogue.version;
  await catalogue.flush();
  assert.equal(catalogue.version, after, 'without news nothing changes');
});

test('what could not be put into the index is put there later', async () => {
  const { index, watch } = watchedIndex();
  const catalogue = await Catalogue.create({ knowledge: KNOWLEDGE, index });
  watch.isAway = true;
  catalogue.addOutcome(driver('a.sys', { Lost: evidence('allocation-call') }));
  await assert.rejects(catalogue.flush(), SearchUnavailable);
  watch.isAway = false;
  catalogue.addOutcome(driver('b.sys', { Lost: evidence('allocation-call') }));
  await catalogue.flush();
  assert.equal((await index.find(poolTag('Lost')))!.sightings.length, 2);
});

test('a driver that is scanned again replaces what was seen of it', async () => {
  const catalogue = await sampleCatalogue();
  const { sha256 } = DRIVERS[0].driver;
  catalogue.addOutcome({ ...DRIVERS[0], sightings: [] });
  await catalogue.flush();
  assert.deepEqual(catalogue.driver(sha256)!.sightings, []);
  assert.equal((await answerTag('Foo1', catalogue)).found, false);
});

test('progress counts what was finished, and ends', async () => {
  const catalogue = await sampleCatalogue();
  catalogue.beginScan(2);
  catalogue.updateScan({ currentFolder: '/drivers' });
  catalogue.addOutcome(DRIVERS[0]);
  assert.deepEqual(
    [catalogue.scan.state, catalogue.scan.done, catalogue.scan.total, catalogue.scan.currentFolder],
    ['running', 1, 2, '/drivers'],
  );
  await catalogue.endScan();
  assert.equal(catalogue.scan.state, 'done');
  assert.ok(catalogue.scan.finishedAt! >= catalogue.scan.startedAt!);
});

test('refused files are kept with their reason', async () => {
  const catalogue = await sampleCatalogue();
  assert.deepEqual(
    catalogue.refused.map(({ fileName, reason }) => [fileName, reason.code]),
    [['notes.sys', 'not-a-pe']],
  );
  assert.equal((await catalogue.summary()).refused, 1);
});

const LISTS: [query: Partial<Parameters<Catalogue['drivers']>[0]>, files: string[], reason: string][] = [
  [{}, ['<b>&".sys', 'afd.sys', 'foo.sys', 'ntoskrnl.exe'], 'all of them, by name'],
  [{ q: 'FOO' }, ['foo.sys'], 'part of a name in any letter case'],
  [{ q: 'contoso filter' }, ['afd.sys', 'foo.sys', 'ntoskrnl.exe'], 'several words'],
  [{ vendor: 'microsoft' }, ['afd.sys', 'ntoskrnl.exe'], 'a vendor in another spelling'],
  [{ arch: 'x86' }, ['afd.sys'], 'a processor'],
  [{ vendor: 'Microsoft', arch: 'x64' }, ['ntoskrnl.exe'], 'both'],
  [{ page: 2, pageSize: 3 }, ['ntoskrnl.exe'], 'the second page'],
  [{ page: 9 }, [], 'a page beyond the end'],
  [{ q: 'nothing like it' }, [], 'no match'],
];

for (const [query, files, reason] of LISTS) {
  test(`drivers: ${reason}`, async () => {
    const page = (await sampleCatalogue()).drivers({ ...ALL, ...query });
    assert.deepEqual(
      page.drivers.map(one => one.driver.fileName),
      files,
    );
  });
}

test('facets of the driver list count without their own filter', async () => {
  const { facets, total } = (await sampleCatalogue()).drivers({ ...ALL, arch: 'x86' });
  assert.equal(total, 1);
  assert.deepEqual(facets.arch, [
    { value: 'x64', count: 3 },
    { value: 'x86', count: 1 },
  ]);
  assert.deepEqual(facets.vendor, [{ value: 'Microsoft Corporation', count: 1 }]);
});

test('answers from an index that others may change are kept for seconds, from our own until it changes', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const ours = await Catalogue.create({ knowledge: KNOWLEDGE, index: watchedIndex().index });
  const shared = await Catalogue.create({ knowledge: KNOWLEDGE, index: watchedIndex('meilisearch').index });
  const before = [ours.answerVersion, shared.answerVersion];
  t.mock.timers.tick(10_000);
  assert.equal(ours.answerVersion, before[0]);
  assert.ok(shared.answerVersion > before[1]);
});
