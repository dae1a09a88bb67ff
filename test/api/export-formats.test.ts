import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { csvScanWriter, recordsAsCsv } from '../../api/export-formats/csv.ts';
import { jsonScanWriter } from '../../api/export-formats/json.ts';
import { localtagScanWriter } from '../../api/export-formats/localtag.ts';
import { ndjsonScanWriter, recordsAsNdjson } from '../../api/export-formats/ndjson.ts';
import { safeJson } from '../../api/export-formats/safe-json.ts';
import { ofExplainedTag, type ScanWriter, withoutLiterals } from '../../api/export-formats/scan-writer.ts';
import { textScanWriter } from '../../api/export-formats/text.ts';
import { terminalStyle } from '../../api/terminal-text.ts';
import type { KnowledgeEntry, OtherTag, TagRecord } from '../../data/facts.ts';
import { poolTag } from '../../data/pool-tag.ts';
import type { ScannedFile } from '../../scanner/driver-files.ts';
import { otherTag } from './sample-facts.ts';
import { allocation, refusedFile, scannedDriver, scannedFile } from './scanned-files.ts';

function write(writer: ScanWriter, files: readonly ScannedFile[]): string {
  return writer.begin() + files.map(file => writer.file(file)).join('') + writer.end();
}

test('An NDJSON line has the keys of the contract in its order, addresses as numbers.', () => {
  const line = write(ndjsonScanWriter(), [scannedFile({ Foo1: [allocation()] })]);
  assert.equal(
    line,
    '{"file":"C:\\\\Windows\\\\System32\\\\drivers\\\\foo.sys","status":"scanned",' +
      `"driver":{"fileName":"foo.sys","sha256":"${'ab'.repeat(32)}","sizeBytes":81920,"arch":"x64",` +
      '"linkDate":"2024-05-01T09:00:00Z","company":"Contoso","product":"Storage","description":"Filter",' +
      '"version":"3.2.0.0","originalName":"foo.sys","pdbName":"foo.pdb","pdbId":null,"buildHash":null,' +
      '"hybrid":null,"frameworks":[],"imports":[],"poolFunctions":[],"signature":null},' +
      '"sightings":[{"tag":"Foo1","id":"466f6f31","protected":false,"evidence":[{"kind":"allocation-call",' +
      '"api":"ntoskrnl.exe!ExAllocatePoolWithTag","rva":4660,"functionRva":4608}]}],' +
      '"remarks":[],"partial":false,"elapsedMs":12.5}\n',
  );
});

/** The file with such tags. */
function withOthers(file: ScannedFile, ...otherTags: OtherTag[]): ScannedFile {
  const { outcome } = file;
  assert.ok(outcome.status === 'scanned');
  return { ...file, outcome: { ...outcome, otherTags } };
}

test('NDJSON has tags that are no pool tags beside the sightings, and the pool and size of a call.', () => {
  const asking = { ...allocation(), pool: 'PagedPool', sizeBytes: 64 };
  const file = withOthers(scannedFile({ Foo1: [asking] }), otherTag('Fred', 'remove-lock', 2));
  const line = write(ndjsonScanWriter(), [file]);
  assert.match(
    line,
    /"functionRva":4608,"pool":"PagedPool","sizeBytes":64}\]}\],"otherTags":\[{"tag":"Fred",/,
  );
  assert.deepEqual(JSON.parse(line).otherTags, [
    {
      tag: 'Fred',
      id: '46726564',
      kind: 'remove-lock',
      api: 'ntoskrnl.exe!IoInitializeRemoveLockEx',
      rva: 32,
      sites: 2,
    },
  ]);
  assert.deepEqual(JSON.parse(write(jsonScanWriter(), [file]))[0].otherTags, JSON.parse(line).otherTags);
});

test('Text tells tags that are no pool tags in one line per driver.', () => {
  const text = (file: ScannedFile) =>
    write(textScanWriter({ style: terminalStyle(false), entriesFor: () => [] }), [file]);
  const fred = otherTag('Fred', 'remove-lock', 2);
  assert.match(
    text(withOthers(scannedFile({}), fred)),
    /^ {2}no pool tag seen\n {2}not pool tags: Fred \(remove lock, 2 calls\)$/m,
  );
  assert.match(
    text(withOthers(scannedFile({ Foo1: [allocation()] }), otherTag('Foo1', 'object-reference'), fred)),
    /^ {2}not pool tags: Foo1 \(object reference, 1 call; a pool tag elsewhere\), Fred \(remove lock, 2 calls\)$/m,
  );
  assert.match(text(withOthers(scannedFile({}), otherTag('a\x1b[2', 'remove-lock'))), /: a\\x1B\[2 \(remove/);
  const many = Array.from({ length: 12 }, (_, n) => otherTag(`Lk${n + 10}`, 'remove-lock'));
  assert.match(
    text(withOthers(scannedFile({}), ...many)),
    /Lk17 \(remove lock, 1 call\) and 4 more; --format json lists them all$/m,
  );
  assert.doesNotMatch(text(scannedFile({})), /not pool tags/);
});

test('Lists of tags, as CSV and localtag.txt, hold no tag that is none of pool.', () => {
  const file = withOthers(scannedFile({ Foo1: [allocation()] }), otherTag('Fred', 'remove-lock'));
  for (const writer of [csvScanWriter(), localtagScanWriter()]) {
    const text = write(writer, [file]);
    assert.match(text, /Foo1/);
    assert.doesNotMatch(text, /Fred/);
  }
});

test('Where one tag is explained, the others are left out, whatever they name.', () => {
  const others = [otherTag('Fred', 'remove-lock'), otherTag('Lock', 'remove-lock')];
  const file = withOthers(scannedFile({ Foo1: [allocation()] }), ...others);
  const tagsOf = (text: string) => {
    const { outcome } = ofExplainedTag({ ...file, explanation: null }, [poolTag(text)]);
    assert.ok(outcome.status === 'scanned');
    return [outcome.sightings.length, outcome.otherTags?.map(({ tag }) => tag)];
  };
  assert.deepEqual(tagsOf('Lock'), [0, ['Lock']]);
  assert.deepEqual(tagsOf('None'), [0, undefined]);
});

test('A refused file is one NDJSON line with its reason.', () => {
  assert.equal(
    write(ndjsonScanWriter(), [refusedFile('notes.sys')]),
    '{"file":"notes.sys","status":"refused","reason":{"code":"not-a-pe","message":"It does not begin with MZ."}}\n',
  );
});

test('JSON is an array of the same objects, complete after any number of files.', () => {
  const files = [scannedFile({ Foo1: [allocation()] }), refusedFile('x.sys')];
  for (const count of [0, 1, 2]) {
    const some = files.slice(0, count);
    const lines = some.map(file => JSON.parse(write(ndjsonScanWriter(), [file])));
    assert.deepEqual(JSON.parse(write(jsonScanWriter(), some)), lines);
  }
});

test('CSV has the header always, and one row per file and tag with its strongest evidence.', () => {
  const header = 'tag,id,file,sha256,arch,company,product,version,kind,api,rva,sites\n';
  assert.equal(write(csvScanWriter(), []), header);
  assert.equal(write(csvScanWriter(), [refusedFile('x.sys')]), header);
  const free = { ...allocation(0x99), kind: 'free-call' as const };
  assert.equal(
    write(csvScanWriter(), [scannedFile({ Foo1: [free, allocation(0x1a2b)], 'B  ,': [] }, {}, 'foo.sys')]),
    `${header}Foo1,466f6f31,foo.sys,${'ab'.repeat(32)},x64,Contoso,Storage,3.2.0.0,allocation-call,` +
      'ntoskrnl.exe!ExAllocatePoolWithTag,0x1a2b,2\n' +
      `"B  ,",4220202c,foo.sys,${'ab'.repeat(32)},x64,Contoso,Storage,3.2.0.0,,,,0\n`,
  );
});

// company as the driver says it, the cell, reason
const CELLS: [string, string, string][] = [
  ['=1+1', "'=1+1", 'a formula'],
  ['+cmd', "'+cmd", 'a formula'],
  ['-2', "'-2", 'a formula'],
  ['@SUM(A1)', "'@SUM(A1)", 'a formula in old spreadsheets'],
  ['\t=1', "'\t=1", 'a tab is skipped, then the formula runs'],
  ['\r=1', '"\'\r=1"', 'the same with a carriage return, which needs quotes'],
  ['\u001b[2J', "'\u001b[2J", 'a control character'],
  ['a"b', '"a""b"', 'quotes are doubled'],
  ['a,b', '"a,b"', 'the separator'],
  ['a\nb', '"a\nb"', 'a line feed'],
  ['=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"', 'both'],
  ["'=1", "'=1", 'an apostrophe is harmless as it is'],
  ['a=b', 'a=b', 'only the beginning matters'],
];
for (const [company, cell, reason] of CELLS) {
  test(`A CSV cell ${JSON.stringify(company)} is made harmless: ${reason}.`, () => {
    const row = write(csvScanWriter(), [scannedFile({ Foo1: [] }, { company }, 'f')]).split('sites\n')[1];
    assert.equal(row, `Foo1,466f6f31,f,${'ab'.repeat(32)},x64,${cell},Storage,3.2.0.0,,,,0\n`);
  });
}

test('A tag that is a formula is made harmless in CSV.', () => {
  assert.match(write(csvScanWriter(), [scannedFile({ '=1+1': [] })]), /^'=1\+1,3d312b31,/m);
});

test('What JSON prints has no control character and reads back the same, whatever the text.', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const json = safeJson({ text });
      assert.doesNotMatch(json, /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      assert.equal(JSON.parse(json).text, text);
    }),
  );
});

test('Bare literals are left out, and with them sightings that have nothing else.', () => {
  const literal = { kind: 'literal' as const, rva: 1 };
  const file = scannedFile({
    Foo1: [allocation(), literal],
    Foo2: [literal],
    Foo3: [{ kind: 'family-literal' }],
  });
  const { outcome: left } = withoutLiterals(file);
  assert.ok(left.status === 'scanned');
  assert.deepEqual(
    left.sightings.map(({ tag, evidence }) => [tag, evidence.map(one => one.kind)]),
    [
      ['Foo1', ['allocation-call']],
      ['Foo3', ['family-literal']],
    ],
  );
  assert.ok(file.outcome.status === 'scanned' && file.outcome.sightings.length === 3);
});

function entry(image: string | null, meaning: string): KnowledgeEntry {
  return {
    tag: poolTag('Foo1'),
    isPattern: false,
    image,
    component: null,
    meaning,
    list: 'pooltag-list',
    sources: [],
  };
}

test('Text shows the evidence in words, with what the lists say beside it.', () => {
  const known = new Map([
    ['Foo1', [entry('nt!ps', 'Thread objects')]],
    ['Foo2', [entry('foo.sys', 'Its own buffers')]],
  ]);
  const text = write(
    textScanWriter({ style: terminalStyle(false), entriesFor: tag => known.get(tag) ?? [] }),
    [
      scannedFile({
        Foo1: [{ ...allocation(0x1a2b), kind: 'free-call' }],
        Foo2: [allocation(0x10), allocation(0x20)],
        New1: [{ kind: 'structure-field', structure: 'FLT_CONTEXT_REGISTRATION.PoolTag', rva: 0x30 }],
      }),
    ],
  );
  assert.match(text, /^foo\.sys {2}x64, 3\.2\.0\.0, Filter, Contoso$/m);
  assert.match(
    text,
    /Foo1 {2}freed by ExAllocatePoolWithTag +1 site +at 0x1a2b +listed for nt!ps: Thread objects \(another owner\)/,
  );
  assert.match(
    text,
    /Foo2 {2}allocated by ExAllocatePoolWithTag +2 sites +first at 0x10 +listed for foo\.sys: Its own buffers$/m,
  );
  assert.match(text, /New1 {2}set in FLT_CONTEXT_REGISTRATION\.PoolTag +1 site +at 0x30 +in no list$/m);
});

test('Text lets no control character of a file, driver or remark through.', () => {
  const bad = 'x\u001b]0;owned\u0007\u202e\n';
  const driver = { fileName: bad, company: bad, description: bad, version: bad };
  const outcome = { ...scannedDriver({ Foo1: [{ ...allocation(), api: bad }] }, driver), remarks: [bad] };
  const scanned = { file: bad, outcome, elapsedMs: 1 };
  const style = terminalStyle(false);
  const text = write(textScanWriter({ style, entriesFor: () => [entry(bad, bad)] }), [
    scanned,
    refusedFile(bad, bad),
  ]);
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  assert.match(text, /x\\x1B\]0;owned\\x07\\u202E\\x0A/);
});

const record: TagRecord = {
  id: '466f6f31',
  tag: poolTag('Foo1'),
  isPattern: false,
  knowledge: [entry('nt!ps', '=cmd')],
  sightings: [
    {
      driver: { ...scannedDriver({}).driver, isSample: false },
      kinds: ['free-call'],
      sites: 3,
      protected: false,
      firstSites: [],
    },
  ],
  articleIds: [],
};

test('Records as CSV have a row per owner in a list and per driver, with the strength of each.', () => {
  assert.deepEqual([...recordsAsCsv([record])].join('').split('\n'), [
    'tag,id,strength,image,component,meaning,source,sha256,arch,company,product,version,sites',
    "Foo1,466f6f31,written,nt!ps,,'=cmd,pooltag-list,,,,,,",
    `Foo1,466f6f31,likely,foo.sys,,Filter,scan,${'ab'.repeat(32)},x64,Contoso,Storage,3.2.0.0,3`,
    '',
  ]);
});

test('Records as NDJSON are one object to a line.', () => {
  const lines = [...recordsAsNdjson([record, record])].join('').trimEnd().split('\n');
  assert.deepEqual(
    lines.map(line => JSON.parse(line).tag),
    ['Foo1', 'Foo1'],
  );
});
