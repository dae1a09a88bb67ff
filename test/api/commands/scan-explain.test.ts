import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { scan } from '../../../api/commands/scan.ts';
import { projectFile } from '../../../data/project-files.ts';
import { driverWithBoth, driverWithMarks } from '../wildcard-drivers.ts';
import { capturedIo } from './captured-io.ts';

const driver = projectFile('test', 'drivers', 'built', 'wrappers.x64.gcc.O2.sys');
const other = projectFile('test', 'drivers', 'built', 'minifilter.x64.clang.O2.sys');
const root = mkdtempSync(path.join(os.tmpdir(), 'pooltag-explain-'));
after(() => rmSync(root, { recursive: true }));

async function run(...argv: string[]) {
  const io = capturedIo();
  const exitCode = await scan(argv, io);
  return { exitCode, out: io.out(), err: io.err() };
}

test('each site of the tag is shown with its path and its code', async () => {
  const { exitCode, out, err } = await run('--explain', 'WrA4', driver);
  assert.equal(exitCode, 0, err);
  assert.match(out, /^wrappers\.x64\.gcc\.O2\.sys {2}x64/);
  assert.match(out, /1\. Allocated by its own wrapper of ExAllocatePool2 at 0x[0-9a-f]+/);
  assert.match(out, /'WrA4' comes out of this instruction, which computes it: add edx,34417257h/);
  assert.match(out, / > {2}0x[0-9a-f]+ .*add edx,34417257h {2}; 'WrA4'/);
  assert.match(out, /=> {2}0x[0-9a-f]+ .*call 0x/);
  assert.match(err, /^pooltag: 1 site in 1 driver\.$/m);
});

const SPELLINGS = ["'4ArW'", '0x34417257', 'WrA4'];
for (const spelling of SPELLINGS) {
  test(`the tag may be spelled ${spelling}`, async () => {
    const { exitCode, out } = await run('--explain', spelling, driver);
    assert.equal(exitCode, 0);
    assert.match(out, /\nWrA4 {2}1 site\n/);
  });
}

test('the wildcard of a computed family is explained as it is typed, and as JSON', async () => {
  const computed = projectFile('test', 'drivers', 'built', 'open-family.arm64.clang.O0.sys');
  const { exitCode, out, err } = await run('--explain', 'OfN?', computed);
  assert.equal(exitCode, 0, err);
  assert.match(out, /\nOfN\? {2}1 site \(one character is computed\)\n/);
  assert.match(out, /'OfN0', the base of 'OfN\?', is a number in this instruction: movk/);
  const [json] = JSON.parse((await run('--explain', 'OfN?', '--format', 'json', computed)).out);
  assert.deepEqual(
    [json.explanation, ...json.sightings].map(({ id, isPattern }) => [id, isPattern]),
    [
      ['p-4f664e3f', true],
      ['p-4f664e3f', true],
    ],
  );
});

const marks = driverWithMarks(root);
const OWN_MARKS: [spelling: string, reason: string][] = [
  ['Rx??', 'as it is typed'],
  ['0x3F3F7852', 'as a value'],
  ["'??xR'", 'as a literal of C'],
];
for (const [spelling, reason] of OWN_MARKS) {
  test(`a tag with a real ? is explained, ${reason}, and is said to be no wildcard`, async () => {
    const { exitCode, out, err } = await run('--explain', spelling, marks);
    assert.equal(exitCode, 0, err);
    assert.match(out, /\nRx\?\? {2}\d+ sites? \(the tag has these very characters: it is no wildcard\)\n/);
    assert.match(out, /'Rx\?\?' is a number in this instruction: mov r8d,3F3F7852h/);
  });
}

test('a tag that is spelled like the wildcard of a family is explained beside it, by its value alone', async () => {
  const both = driverWithBoth(root);
  const typed = await run('--explain', 'OfN?', both);
  assert.equal(typed.exitCode, 0, typed.err);
  assert.match(
    typed.out,
    /\nOfN\? {2}1 site \(one character is computed\)\n[\s\S]*\nOfN\? {2}\d+ sites? \(the tag has/,
  );
  const value = await run('--explain', '0x3F4E664F', both);
  assert.match(value.out, /\nOfN\? {2}\d+ sites? \(the tag has these very characters/);
  assert.doesNotMatch(value.out, /is computed/);
  const [json] = JSON.parse((await run('--explain', 'OfN?', '--format', 'json', both)).out);
  assert.deepEqual([json.explanation.id, json.explanation.also.id], ['p-4f664e3f', '4f664e3f']);
  assert.deepEqual(json.sightings.map(({ id }: { id: string }) => id).sort(), ['4f664e3f', 'p-4f664e3f']);
});

test('a value names no family', async () => {
  const family = projectFile('test', 'drivers', 'built', 'open-family.arm64.clang.O0.sys');
  const { exitCode, out } = await run('--explain', '0x3F4E664F', family);
  assert.deepEqual([exitCode, out], [1, '']);
});

test('json and ndjson add the explanation to the file', async () => {
  const json = JSON.parse((await run('--explain', 'WrA4', '--format', 'json', driver, other)).out);
  assert.equal(json.length, 2);
  const [without, with_] = json.sort((a: { file: string }, b: { file: string }) =>
    a.file < b.file ? -1 : 1,
  );
  assert.equal(without.explanation, null);
  assert.deepEqual(without.sightings, []);
  assert.equal(with_.explanation.tag, 'WrA4');
  assert.deepEqual(
    with_.sightings.map(({ tag }: { tag: string }) => tag),
    ['WrA4'],
  );
  assert.deepEqual(with_.explanation.sites[0].evidence, with_.sightings[0].evidence[0]);
  const line = (await run('--explain', 'WrA4', '--format', 'ndjson', driver)).out;
  assert.equal(JSON.parse(line).explanation.id, '57724134');
});

test('a folder is explained driver by driver, and only where the tag is used', async () => {
  const { exitCode, out } = await run('--explain', 'WrA4', projectFile('data', 'samples'), driver);
  assert.equal(exitCode, 0);
  assert.equal(out.match(/^\S+\.sys {2}/gm)?.length, 1);
});

test('a tag of a remove lock is explained by a sentence alone', async () => {
  const bait = projectFile('test', 'drivers', 'built', 'bait.x64.clang.O2.sys');
  const { exitCode, out, err } = await run('--explain', 'Lock', bait, driver);
  assert.equal(exitCode, 1);
  assert.equal(out, '');
  assert.match(
    err,
    /^pooltag: no site of Lock in 2 drivers; 1 driver uses it for a remove lock or for references to objects, which is no pool tag\.$/m,
  );
  const [json] = JSON.parse((await run('--explain', 'Lock', '--format', 'json', bait)).out);
  assert.deepEqual(
    json.otherTags.map(({ tag }: { tag: string }) => tag),
    ['Lock'],
  );
});

const FAILURES: [argv: string[], exitCode: number, says: RegExp, reason: string][] = [
  [['--explain', 'Zzzz', driver], 1, /no site of Zzzz in 1 driver/, 'no driver uses the tag'],
  [['--explain', '<b>"', driver], 1, /no site of <b>" in 1 driver/, 'a tag that looks like HTML'],
  [['--explain', 'Threads', driver], 2, /is not a pool tag/, 'not a tag'],
  [
    ['--explain', 'Nt??', driver],
    1,
    /no site of Nt\?\? in 1 driver \(taken for .* these very characters,.*pooltag search 'Nt\?\?' lists/,
    'a pattern',
  ],
  [['--explain', 'Afd*', driver], 1, /pooltag search 'Afd\*' lists/, 'a pattern with an open end'],
  [
    ['--explain', 'Afd?', driver],
    1,
    /one of which a single character is computed/,
    'a wildcard without a family',
  ],
  [
    ['--explain', 'WrA4', '--format', 'csv', driver],
    2,
    /choose text, json or ndjson/,
    'a format without room',
  ],
  [['--explain', 'WrA4', path.join(root, 'none.sys')], 3, /There is no file/, 'no file'],
];
for (const [argv, expected, says, reason] of FAILURES) {
  test(`the exit code is ${expected}: ${reason}`, async () => {
    const { exitCode, out, err } = await run(...argv);
    assert.equal(exitCode, expected, err);
    assert.match(err, says);
    assert.doesNotMatch(out, /=>/);
  });
}

test('a file that is refused does not hide what others say', async () => {
  const notes = path.join(root, 'notes.sys');
  writeFileSync(notes, 'These are notes.');
  const { exitCode, out, err } = await run('--explain', 'WrA4', notes, driver);
  assert.equal(exitCode, 3);
  assert.match(out, /WrA4 {2}1 site/);
  assert.match(err, /notes\.sys was not scanned/);
});

test('bare bytes are shown only on request', async () => {
  const bait = projectFile('test', 'drivers', 'built', 'bait.x64.clang.O2.sys');
  const all = JSON.parse((await run('--all', '--format', 'ndjson', bait)).out);
  const literal = all.sightings.find(
    ({ evidence }: { evidence: { kind: string }[] }) => evidence[0].kind === 'literal',
  );
  const hidden = await run('--explain', literal.tag, bait);
  assert.equal(hidden.exitCode, 1);
  assert.equal(hidden.out, '');
  assert.match(hidden.err, /1 driver holds the four bytes without proof \(--all shows them\)/);
  const shown = await run('--explain', literal.tag, '--all', bait);
  assert.equal(shown.exitCode, 0);
  assert.match(shown.out, /no call is known that takes them as a tag/);
});
