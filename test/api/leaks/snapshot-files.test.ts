import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { listsAmongDrivers } from '../../../api/commands/lists-among-drivers.ts';
import { compareNaturally, listSnapshotFiles } from '../../../api/leaks/snapshot-files.ts';
import { projectFile } from '../../../data/project-files.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-logs-'));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(path.join(folder, 'deep'));
for (const name of ['p-1.log', 'p-2.log', 'p-10.log', 'notes.md', 'deep/p-3.log', 'a[1].log']) {
  writeFileSync(path.join(folder, name), 'x');
}
const at = (name: string) => path.join(folder, name);
const listed = async (places: string[], glob?: string) =>
  (await listSnapshotFiles(places, glob)).map(({ path: place }) => path.relative(folder, place));

// what is named, which files, what is found, reason
const LISTS: [string[], string | undefined, string[], string][] = [
  [
    [folder],
    undefined,
    ['a[1].log', 'deep/p-3.log', 'p-1.log', 'p-2.log', 'p-10.log'],
    'a folder with all below, by number',
  ],
  [[folder], '*.md', ['notes.md'], 'another pattern'],
  [[at('p-*.log')], undefined, ['p-1.log', 'p-2.log', 'p-10.log'], 'a pattern, of this folder alone'],
  [[at('*/p-?.log')], undefined, ['deep/p-3.log'], 'a pattern of folders'],
  [[at('a[1].log')], undefined, ['a[1].log'], 'a name with brackets is a name'],
  [[at('notes.md')], undefined, ['notes.md'], 'a file that is named may be called anything'],
  [
    [at('p-1.log'), at('p-10.log'), at('p-2.log')],
    undefined,
    ['p-1.log', 'p-2.log', 'p-10.log'],
    'as a shell names them',
  ],
  [[at('p-2.log'), at('p-1.log')], undefined, ['p-2.log', 'p-1.log'], 'an order of one\u2019s own stays'],
  [[at('p-1.log'), at('p-1.log'), folder], '*-1.log', ['p-1.log'], 'each file once'],
];
for (const [places, glob, expected, reason] of LISTS) {
  test(`The files to read are found: ${reason}.`, async () => {
    assert.deepEqual(
      await listed(places, glob),
      expected.map(name => path.normalize(name)),
    );
  });
}

test('What is not there is listed with its problem.', async () => {
  for (const name of ['missing.log', 'none-*.log']) {
    const [file] = await listSnapshotFiles([at(name)]);
    assert.match(file.problem!.message, /There is no file/);
  }
});

const NAMES: [string, string, number][] = [
  ['p2', 'p10', -1],
  ['p10', 'p2', 1],
  ['p02', 'p2', -1],
  ['a', 'b', -1],
  ['a1', 'a', 1],
  ['9'.repeat(40), '1'.repeat(41), -1],
  ['x', 'x', 0],
];
for (const [a, b, sign] of NAMES) {
  test(`${a.slice(0, 8)} and ${b.slice(0, 8)} are ordered by their numbers.`, () => {
    assert.equal(Math.sign(compareNaturally(a, b)), sign);
    assert.equal(Math.sign(compareNaturally(b, a)), -sign + 0);
  });
}

test('Tag lists are told from drivers by their content, and what cannot be read stays a driver.', async () => {
  const list = at('localtag.sys');
  const wide = at('wide.txt');
  writeFileSync(list, 'Foo1 - foo.sys - Foo\n');
  writeFileSync(wide, Buffer.from('\ufeffFoo1 - foo.sys - Foo\r\n', 'utf16le'));
  const samples = projectFile('data', 'samples');
  writeFileSync(at('empty.sys'), '');
  writeFileSync(at('stub.sys'), Buffer.from([0x4d, 0x5a, 0, 0]));
  const drivers = [samples, folder, at('missing'), at('empty.sys'), at('stub.sys')];
  assert.deepEqual(await listsAmongDrivers([...drivers, list, wide]), { drivers, lists: [list, wide] });
});
