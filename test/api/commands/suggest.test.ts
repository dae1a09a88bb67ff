import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { suggest } from '../../../api/commands/suggest.ts';
import { suggestionsSchema } from '../../../api/suggestion-schema.ts';
import { projectFile } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-suggest-'));
after(() => rmSync(folder, { recursive: true }));

test('A name gets tags with their lines of C on stdout, and what they were compared with on stderr.', async () => {
  const io = capturedIo();
  assert.equal(await suggest(['Contoso', 'Filter'], io), 0);
  assert.match(io.out(), /^Free tags for Contoso Filter\n {2}\w{4} {2}#define CONTOSO_POOL_TAG '\w{4}' {2}/);
  assert.match(io.out(), /\n\nOr one for each kind of allocation\n/);
  assert.match(io.out(), /\n\nA good tag\n {2}- /);
  assert.match(io.err(), /^pooltag: compared with [\d,]+ tags and no driver; .*\n$/);
});

test('JSON is the document of REST, with as many proposals as asked.', async () => {
  const io = capturedIo();
  assert.equal(await suggest(['Contoso Filter', '--count', '12', '--format', 'json'], io), 0);
  const answer = JSON.parse(io.out());
  assert.deepEqual(suggestionsSchema.parse(answer), answer);
  assert.equal(answer.proposals.length, 12);
});

test('A list and drivers that are named take tags away, and the reason is said.', async () => {
  const list = path.join(folder, 'pooltag.txt');
  writeFileSync(list, 'CoFi - other.sys - Other files\r\n');
  const io = capturedIo();
  const drivers = projectFile('data', 'samples');
  assert.equal(await suggest(['Contoso Filter', '--pooltag', list, '--drivers', drivers], io), 0);
  assert.doesNotMatch(io.out(), /'iFoC'/);
  assert.match(io.out(), /\n\nNot free\n[\s\S]* {2}CoFi {2}It is taken: Other files/);
  assert.match(io.err(), /and 3 drivers\.\n$/);
});

test('Where nothing is free, it ends with 1.', async () => {
  const list = path.join(folder, 'greedy.txt');
  writeFileSync(list, 'Z??? - other.sys - Everything\r\nz??? - other.sys - Everything\r\n');
  const io = capturedIo();
  assert.equal(await suggest(['Zyxw', '--pooltag', list], io), 1);
  assert.match(io.err(), /Only 0 of 6 are free/);
});

test('What was typed cannot steer the terminal.', async () => {
  const io = capturedIo({}, { isTTY: true });
  assert.equal(await suggest(['\u001b[2J<b>"'], io), 0);
  assert.match(io.out(), /\\x1B\[2J/);
  assert.equal(io.out().includes('\u001b[2J'), false);
});

// arguments, what stderr says, reason
const WRONG: [string[], RegExp, string][] = [
  [[], /missing required argument/, 'no name'],
  [[''], /The name is empty/, 'an empty name'],
  [['\u{1F600}'], /no letter of A to Z and no digit/, 'a name without letters'],
  [['Contoso', '--count', '0'], /--count.*from 1 to 50/, 'too few'],
  [['Contoso', '--count', '51'], /--count.*from 1 to 50/, 'too many'],
  [['Contoso', '--format', 'csv'], /--format/, 'no such format'],
];
for (const [argv, err, reason] of WRONG) {
  test(`pooltag suggest ${argv.join(' ')} ends with 2: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await suggest(argv, io), 2);
    assert.equal(io.out(), '');
    assert.match(io.err(), err);
  });
}
