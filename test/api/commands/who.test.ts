import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { who } from '../../../api/commands/who.ts';
import { projectFile } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-who-'));
after(() => rmSync(folder, { recursive: true }));

function list(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('A known tag is answered in a first line, with exit code 0 and a silent stderr.', async () => {
  const io = capturedIo();
  assert.equal(await who(['Thre'], io), 0);
  assert.match(io.out(), /^Thre {2}Thread objects, .*\(nt!ps\)\.\n54 68 72 65 · 0x65726854 · 'erhT'\n/);
  assert.match(io.out(), /The owner is rarely the culprit/);
  assert.equal(io.err(), '');
});

test('The reading that was taken is said where it is not the plain one.', async () => {
  const io = capturedIo();
  assert.equal(await who(["'erhT'"], io), 0);
  assert.match(io.out(), /^Thre {2}[\s\S]*Read "'erhT'" as: source literal\./);
});

test('JSON is one document for one tag and an array for several; NDJSON is a line for each.', async () => {
  const one = capturedIo();
  assert.equal(await who(['Thre', '--format', 'json'], one), 0);
  assert.equal(JSON.parse(one.out()).tag, 'Thre');
  const several = capturedIo();
  assert.equal(await who(['--format', 'json', 'Thre', 'Proc'], several), 0);
  assert.deepEqual(
    JSON.parse(several.out()).map((answer: { tag: string }) => answer.tag),
    ['Thre', 'Proc'],
  );
  const lines = capturedIo();
  assert.equal(await who(['Thre', 'Proc', '--format=ndjson'], lines), 0);
  assert.equal(lines.out().trimEnd().split('\n').length, 2);
});

test('An unknown tag ends with 1 and says how to find out; the known ones beside it are answered.', async () => {
  const io = capturedIo();
  assert.equal(await who(['Thre', 'ZqZ!'], io), 1);
  assert.match(io.out(), /^Thre {2}/);
  assert.match(io.out(), /^ZqZ! {2}No list names this tag/m);
  assert.match(io.out(), /How to find out/);
});

// arguments, what stderr says, reason
const WRONG: [string[], RegExp, string][] = [
  [[], /missing required argument 'TAG'/, 'no tag'],
  [['toolong'], /^pooltag: .*toolong/, 'too long for a tag'],
  [[''], /^pooltag: .+/, 'an empty tag'],
  [['Afd?'], /pattern/, 'a pattern is searched for'],
  [['Thre', 'toolong', 'ZqZ!'], /toolong/, 'a bad tag weighs more than an unknown one'],
  [['Thre', '--format', 'xml'], /--format/, 'no such format'],
  [['Thre', '--pooltag', '/missing/list.txt'], /--pooltag.*\/missing\/list\.txt/, 'a list that is not there'],
  [['Thre', '--drivers', '/missing'], /--drivers.*\/missing/, 'a folder that is not there'],
  [['-abc'], /unknown option '-abc'/, 'a tag with a dash needs -- before it'],
  [['\u001b[2J\u001b'], /^[^\p{Cc}]+\n$/u, 'what was given is repeated harmlessly'],
];
for (const [argv, err, reason] of WRONG) {
  test(`pooltag who ${JSON.stringify(argv.join(' '))} ends with 2: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await who(argv, io), 2);
    assert.match(io.err(), err);
  });
}

test('A tag that begins with a dash is taken after two dashes.', async () => {
  const io = capturedIo();
  assert.equal(await who(['--', '-abc'], io), 1);
  assert.match(io.out(), /^-abc {2}/);
});

test('Lists of the user are read, all that are named, with a remark on what they could not say.', async () => {
  const first = list('first.txt', 'ZqZ! - zq.sys     - Zq buffers\nno tag in this line\n');
  const second = list('second.txt', 'ZqZ! - other.sys  - Others\n');
  const io = capturedIo();
  assert.equal(await who(['ZqZ!', '--pooltag', first, '--pooltag', second], io), 0);
  assert.match(io.out(), /zq\.sys: Zq buffers/);
  assert.match(io.out(), /other\.sys: Others/);
  assert.match(io.err(), /^pooltag: .*first\.txt: One line could not be read; line 2: .*\n$/);
});

test('Lists named by POOLTAG_FILES are read too.', async () => {
  const io = capturedIo({ POOLTAG_FILES: list('third.txt', 'ZqZ! - zq.sys     - Zq buffers\n') });
  assert.equal(await who(['ZqZ!'], io), 0);
});

test('No control character of a list reaches the terminal.', async () => {
  const bad = list('bad.txt', 'ZqZ! - \u001b[2Jq.sys - \u0007\u202e text\u009b1m\n');
  for (const format of ['text', 'json', 'ndjson']) {
    const io = capturedIo();
    assert.equal(await who(['ZqZ!', '--pooltag', bad, '--format', format], io), 0);
    assert.doesNotMatch((io.out() + io.err()).replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  }
});

test('Named drivers are scanned, and a tag that only they show is found.', async () => {
  const samples = projectFile('data', 'samples');
  const before = capturedIo();
  assert.equal(await who(['SdRq', '--format', 'json'], before), 1);
  const io = capturedIo();
  assert.equal(await who(['SdRq', '--format', 'json', '--drivers', samples], io), 0);
  assert.match(JSON.parse(io.out()).sightings[0].driver.fileName, /^sample-.*\.sys$/);
});

test('Colour is for terminals alone, and may be refused.', async () => {
  const colour = '\u001b[';
  const terminal = capturedIo({}, { isTTY: true });
  await who(['Thre'], terminal);
  assert.ok(terminal.out().includes(colour));
  for (const [argv, env] of [
    [['Thre'], { NO_COLOR: '1' }],
    [['Thre'], { TERM: 'dumb' }],
    [['Thre', '--no-colour'], {}],
    [['Thre', '--no-color'], {}],
    [['Thre', '--format', 'json'], {}],
  ] as const) {
    const io = capturedIo(env, { isTTY: true });
    await who(argv, io);
    assert.ok(!io.out().includes(colour), argv.join(' '));
  }
});

test('On a terminal no line is wider than the window.', async () => {
  const io = capturedIo({ NO_COLOR: '1' }, { isTTY: true, columns: 60 });
  await who(['MmSt', 'Ddk '], io);
  const wide = io
    .out()
    .split('\n')
    .filter(
      line => line.length > 60 && line.trim().includes(' ') && !/^ *(https?:|[A-Za-z]{2,4} {2})/.test(line),
    );
  assert.deepEqual(wide, []);
});

test('A server that is not there ends with 4 and one sentence.', async () => {
  const io = capturedIo({ MEILI_URL: 'http://127.0.0.1:9' });
  assert.equal(await who(['Thre'], io), 4);
  assert.equal(io.out(), '');
  assert.match(io.err(), /^pooltag: .*127\.0\.0\.1:9.*\n$/);
});

test('A wrong setting ends with 2, one of another command does not matter.', async () => {
  const wrong = capturedIo({ MEILI_PREFIX: '../x' });
  assert.equal(await who(['Thre'], wrong), 2);
  assert.match(wrong.err(), /^pooltag: MEILI_PREFIX is "\.\.\/x".*\n$/);
  assert.equal(await who(['Thre'], capturedIo({ PORT: 'http' })), 0);
});

test('Known leaks say whether they apply to the versions given.', async () => {
  const cases: [argv: string[], said: RegExp][] = [
    [[], /May apply\. The version of npcap\.sys was not given\.[\s\S]*pooltag who NPBL --windows BUILD/],
    [['--driver', 'npcap.sys@0.9988'], /Applies\. npcap\.sys 0\.9988 is in the affected range/],
    [
      ['--driver', 'a.sys@1', '--driver', 'npcap.sys@1.79'],
      /Fixed in 0\.9989: your npcap\.sys 1\.79 has it\./,
    ],
  ];
  for (const [argv, said] of cases) {
    const io = capturedIo();
    assert.equal(await who(['NPBL', ...argv], io), 0);
    assert.match(io.out(), said);
  }
  const json = capturedIo();
  await who(['Pp', '--windows', '5.1.2600.3357', '--format', 'json'], json);
  assert.deepEqual(
    JSON.parse(json.out())
      .articles.map((one: { applies: object }) => one.applies)
      .at(0),
    {
      verdict: 'fixed',
      reason: 'Fixed in 5.1.2600.3357: your Windows 5.1.2600.3357 has it.',
      fixedIn: '5.1.2600.3357',
    },
  );
});

test('What is no build of Windows and no driver with a version ends with 2 and a sentence.', async () => {
  for (const [option, value] of [
    ['--windows', 'Windows 7x'],
    ['--driver', 'npcap.sys'],
  ]) {
    const io = capturedIo();
    assert.equal(await who(['NPBL', option!, value!], io), 2);
    assert.equal(io.out(), '');
    assert.match(io.err(), new RegExp(`^pooltag: ${option} is "${value}", which is no .*\\n$`));
  }
});
