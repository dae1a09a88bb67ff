import assert from 'node:assert/strict';
import test from 'node:test';
import type { Evidence, KnowledgeEntry, LeakArticle, ScannedDriver } from '../../data/facts.ts';
import { isEmptyRecord, mergeRecords, RecordStore } from '../../data/merge.ts';
import { isPattern, patternId, poolTag, type TagPattern, tagId } from '../../data/pool-tag.ts';
import { NO_FACTS } from './plain-identity.ts';

function entry(tag: string, image: string | null, list = 'pooltag-list'): KnowledgeEntry {
  return {
    tag: poolTag(tag),
    isPattern: isPattern(tag),
    image,
    component: null,
    meaning: null,
    list,
    sources: [{ name: list, url: null }],
  };
}

function article(id: string, tags: string[]): LeakArticle {
  return {
    id,
    title: id,
    tags: tags.map(poolTag),
    products: [],
    symptom: null,
    cause: 'A leak.',
    remedy: null,
    status: 'unknown',
    supersededBy: [],
    sources: [],
  };
}

function scan(fileName: string, sha256: string, sightings: Record<string, Evidence[]>): ScannedDriver {
  return {
    status: 'scanned',
    driver: {
      fileName,
      sha256,
      sizeBytes: 4096,
      arch: 'x64',
      ...NO_FACTS,
      company: 'Contoso',
      version: '1.0',
    },
    sightings: Object.entries(sightings).map(([tag, evidence]) => ({
      tag: poolTag(tag),
      id: tagId(poolTag(tag)),
      protected: false,
      evidence,
    })),
    remarks: [],
    partial: false,
  };
}

const call = (rva: number): Evidence => ({
  kind: 'allocation-call',
  api: 'ntoskrnl.exe!ExAllocatePool2',
  rva,
});
const literal = (rva: number): Evidence => ({ kind: 'literal', rva });
const free = (rva: number): Evidence => ({ kind: 'free-call', api: 'ntoskrnl.exe!ExFreePoolWithTag', rva });

test('every list keeps its entry beside the others, with what was seen and what was published', () => {
  const records = mergeRecords({
    knowledge: [entry('Thre', 'nt!ps'), entry('Thre', 'other.sys', 'my.txt'), entry('Th??', 'nt', 'my.txt')],
    articles: [article('threads', ['Thre', 'Proc', 'Vi??', 'Thre'])],
    scans: [{ driver: scan('foo.sys', 'a1', { Thre: [call(1)], Foo1: [call(2)] }), isSample: true }],
  });
  assert.deepEqual(
    records.map(({ id, tag, isPattern: wild }) => [id, tag, wild]),
    [
      ['466f6f31', 'Foo1', false],
      ['50726f63', 'Proc', false],
      ['54687265', 'Thre', false],
      ['p-54683f3f', 'Th??', true],
      ['p-56693f3f', 'Vi??', true],
    ],
  );
  const thre = records[2];
  assert.deepEqual(
    thre.knowledge.map(known => known.image),
    ['nt!ps', 'other.sys'],
  );
  assert.deepEqual(thre.articleIds, ['threads']);
  assert.deepEqual(thre.sightings, [
    {
      driver: {
        fileName: 'foo.sys',
        sha256: 'a1',
        arch: 'x64',
        company: 'Contoso',
        product: null,
        version: '1.0',
        description: null,
        isSample: true,
      },
      kinds: ['allocation-call'],
      sites: 1,
      protected: false,
      firstSites: [call(1)],
    },
  ]);
  assert.deepEqual(records[1].articleIds, ['threads']);
  assert.deepEqual(records[4].articleIds, ['threads']);
});

test('tags that differ only by case or padding have records of their own', () => {
  const tags = ['Ntfs', 'NtFs', 'Io  ', 'Io\0\0'];
  const records = mergeRecords({ knowledge: tags.map(tag => entry(tag, 'x')), articles: [], scans: [] });
  assert.deepEqual(records.map(record => record.tag).sort(), [...tags].sort());
});

test('kinds and sites stand strongest first, and a record keeps few sites however many there are', () => {
  const evidence = [literal(1), free(2), literal(3), call(9), free(4), call(7), literal(5)];
  const [record] = mergeRecords({
    knowledge: [],
    articles: [],
    scans: [{ driver: scan('foo.sys', 'a1', { Foo1: evidence, Bar1: [] }), isSample: false }],
  });
  assert.equal(record.tag, 'Foo1');
  assert.deepEqual(record.sightings[0].kinds, ['allocation-call', 'free-call', 'literal']);
  assert.deepEqual(record.sightings[0].firstSites, [call(7), call(9), free(2)]);
  assert.equal(record.sightings[0].sites, 7);
});

test('drivers stand strongest first, then those of this computer, then by name', () => {
  const scans = [
    { driver: scan('bytes.sys', 'd1', { Foo1: [literal(1)] }), isSample: false },
    { driver: scan('sample.sys', 'd2', { Foo1: [call(1)] }), isSample: true },
    { driver: scan('Zed.sys', 'd3', { Foo1: [call(1)] }), isSample: false },
    { driver: scan('alpha.sys', 'd4', { Foo1: [call(1)] }), isSample: false },
    { driver: scan('frees.sys', 'd5', { Foo1: [free(1)] }), isSample: false },
  ];
  const namesOf = (order: typeof scans) =>
    mergeRecords({ knowledge: [], articles: [], scans: order })[0].sightings.map(
      seen => seen.driver.fileName,
    );
  const expected = ['alpha.sys', 'Zed.sys', 'sample.sys', 'frees.sys', 'bytes.sys'];
  assert.deepEqual(namesOf(scans), expected);
  assert.deepEqual(namesOf([...scans].reverse()), expected);
});

test('a scan returns the records it touched and no others, and merging one by one is merging all', () => {
  const knowledge = [entry('Thre', 'nt!ps'), entry('Proc', 'nt!ps')];
  const scans = [
    { driver: scan('foo.sys', 'a1', { Foo1: [call(1)], Thre: [literal(2)] }), isSample: false },
    { driver: scan('bar.sys', 'b1', { Foo1: [free(1)] }), isSample: false },
  ];
  const store = new RecordStore(knowledge, []);
  assert.deepEqual(
    store.addScan(scans[0].driver, false).map(record => record.tag),
    ['Foo1', 'Thre'],
  );
  const before = store.records();
  const [foo1] = store.addScan(scans[1].driver, false);
  assert.deepEqual(
    foo1.sightings.map(seen => seen.driver.fileName),
    ['foo.sys', 'bar.sys'],
  );
  assert.deepEqual(store.records(), mergeRecords({ knowledge, articles: [], scans }));
  assert.equal(before[0].sightings.length, 1, 'records that were handed out do not change');
});

test('one driver counts once by its sha256, and the later scan of it replaces the earlier', () => {
  const store = new RecordStore([entry('Thre', 'nt!ps')], []);
  store.addScan(scan('foo.sys', 'a1', { Foo1: [call(1)], Thre: [call(2)] }), false);
  const changed = store.addScan(scan('copy.sys', 'a1', { Thre: [call(3)], Bar1: [call(4)] }), false);
  assert.deepEqual(
    changed.map(record => [record.tag, record.sightings.map(seen => seen.driver.fileName)]),
    [
      ['Bar1', ['copy.sys']],
      ['Foo1', []],
      ['Thre', ['copy.sys']],
    ],
  );
  assert.deepEqual(changed.map(isEmptyRecord), [false, true, false]);
  assert.deepEqual(
    store.records().map(record => record.tag),
    ['Bar1', 'Thre'],
  );
});

test('a driver that is taken out leaves what lists know', () => {
  const store = new RecordStore([entry('Thre', 'nt!ps')], []);
  store.addScan(scan('foo.sys', 'a1', { Foo1: [call(1)], Thre: [call(2)] }), false);
  const changed = store.removeScan('a1');
  assert.deepEqual(
    changed.map(record => [record.tag, isEmptyRecord(record)]),
    [
      ['Foo1', true],
      ['Thre', false],
    ],
  );
  assert.deepEqual(
    store.records().map(record => record.tag),
    ['Thre'],
  );
  assert.deepEqual(store.removeScan('a1'), []);
});

test('names from outside are keys of maps, never of objects', () => {
  const store = new RecordStore([], []);
  for (const name of ['__proto__', 'constructor'])
    store.addScan(scan(name, name, { Foo1: [call(1)] }), false);
  assert.equal(store.records()[0].sightings.length, 2);
});

test('a thousand tags of ten drivers merge in the order of their ids', () => {
  const tagOf = (n: number) =>
    String.fromCharCode(
      97 + (n % 26),
      97 + (Math.floor(n / 26) % 26),
      65 + Math.floor(n / 676),
      33 + (n % 7),
    );
  const knowledge = Array.from({ length: 1000 }, (_, n) => entry(tagOf(n), 'x.sys'));
  const scans = Array.from({ length: 10 }, (_, d) => ({
    driver: scan(`d${d}.sys`, `${d}`, Object.fromEntries(knowledge.map(known => [known.tag, [call(d)]]))),
    isSample: false,
  }));
  const records = mergeRecords({ knowledge, articles: [], scans });
  const ids = records.map(record => record.id);
  assert.deepEqual(ids, [...ids].sort());
  assert.ok(records.every(record => record.sightings.length === 10));
  assert.equal(records[0].id, tagId(poolTag(records[0].tag)));
  assert.equal(patternId('Ab??' as TagPattern), 'p-41623f3f');
});
