import assert from 'node:assert/strict';
import test from 'node:test';
import { search } from '../../../api/commands/search.ts';
import { projectFile } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

test('Words find tags; the hits are on stdout, their number on stderr.', async () => {
  const io = capturedIo();
  assert.equal(await search(['thread', 'objects'], io), 0);
  assert.match(io.out(), /^Thre {2}Thread objects, .*\n/);
  assert.match(io.err(), /^pooltag: \d+ tags? found; page 1 of \d+\..*\n$/);
});

test('A pattern finds the tags it covers.', async () => {
  const io = capturedIo();
  assert.equal(await search(['Nt??', '--page-size', '100'], io), 0);
  for (const line of io.out().trimEnd().split('\n')) assert.match(line, /^Nt/);
});

test('JSON is the document of REST, with facets and pages.', async () => {
  const io = capturedIo();
  assert.equal(
    await search(['--component', 'ntfs', '--page', '2', '--page-size', '3', '--format', 'json'], io),
    0,
  );
  const answer = JSON.parse(io.out());
  assert.deepEqual(Object.keys(answer).slice(0, 6), ['query', 'total', 'page', 'pageSize', 'hits', 'facets']);
  assert.deepEqual([answer.page, answer.pageSize, answer.hits.length], [2, 3, 3]);
  assert.ok(answer.total > 3);
  assert.equal(answer.facets.component[0].value, 'ntfs');
});

test('What there is to read stands below the tags, and is found where no tag is.', async () => {
  const io = capturedIo();
  assert.equal(await search(['MmSt', 'backup'], io), 0);
  assert.match(
    io.out(),
    /^MmSt {2}[\s\S]*\nTo read, in pooltag serve\n {2}Known leak: Paged pool[\s\S]*\/articles\/kb304101/,
  );
  const json = capturedIo();
  assert.equal(await search(['poolhittag', 'WinDbg', '--format', 'json'], json), 0);
  assert.ok(JSON.parse(json.out()).reading.some(({ id }: { id: string }) => id === 'windbg'));
  const narrowed = capturedIo();
  await search(['file', '--component', 'ntfs', '--format', 'json'], narrowed);
  assert.deepEqual(JSON.parse(narrowed.out()).reading, []);
});

test('Nothing found ends with 1.', async () => {
  const io = capturedIo();
  assert.equal(await search(['qqqqzzzzxxxx'], io), 1);
  assert.equal(io.out(), '');
  assert.match(io.err(), /Nothing was found/);
});

test('Named drivers are scanned and searched.', async () => {
  const samples = projectFile('data', 'samples');
  const io = capturedIo();
  assert.equal(await search(['--driver', 'sample-disk.sys', '--drivers', samples], io), 0);
  assert.match(io.out(), /^SdRq {2}/m);
});

// arguments, what stderr says, reason
const WRONG: [string[], RegExp, string][] = [
  [[], /Nothing to search for/, 'neither words nor a filter'],
  [['  '], /Nothing to search for/, 'blanks are no words'],
  [['thread', '--page', '0'], /--page.*whole number from 1 to/, 'pages begin with 1'],
  [['thread', '--page', '1.5'], /--page/, 'not whole'],
  [['thread', '--page-size', '101'], /--page-size.*from 1 to 100/, 'more than a page holds'],
  [['thread', '--arch', 'ia64'], /--arch.*x86, x64, arm64/, 'no such processor'],
  [['thread', '--format', 'csv'], /--format/, 'no such format'],
];
for (const [argv, err, reason] of WRONG) {
  test(`pooltag search ${argv.join(' ')} ends with 2: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await search(argv, io), 2);
    assert.equal(io.out(), '');
    assert.match(io.err(), err);
  });
}
