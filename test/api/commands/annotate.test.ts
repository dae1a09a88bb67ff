import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { annotate } from '../../../api/commands/annotate.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-annotate-'));
after(() => rmSync(folder, { recursive: true }));

const TABLE = ` Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc

 Thre Nonp       6394      4056      2338 163418368      69896
 ZqZ! Nonp       6394      4056      2338 163418368      69896
`;

function file(name: string, text: string | Buffer): string {
  const place = path.join(folder, name);
  writeFileSync(place, text);
  return place;
}

async function* pieces(...texts: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

test('The owner stands behind each line whose tag is known, and stderr counts them.', async () => {
  const io = capturedIo();
  assert.equal(await annotate([file('a.log', TABLE)], io), 0);
  assert.match(io.out(), /\n Thre Nonp .* 69896 +<- nt!ps: Thread objects\n ZqZ! Nonp.*69896\n$/);
  assert.match(
    io.err(),
    /^pooltag: one line has its owner; of 1 more nothing is known: --drivers looks into drivers\.\n$/,
  );
});

test('Standard input is read where nothing is named, and where a dash is.', async () => {
  for (const argv of [[], ['-']]) {
    const io = capturedIo({}, { stdin: pieces(TABLE.slice(0, 90), TABLE.slice(90)) });
    assert.equal(await annotate(argv, io), 0);
    assert.match(io.out(), /<- nt!ps: Thread objects/);
  }
});

test('UTF-16 comes out as UTF-16, byte for byte but for the owner.', async () => {
  const given = Buffer.from(`\ufeff${TABLE.replaceAll('\n', '\r\n')}`, 'utf16le');
  const io = capturedIo();
  assert.equal(await annotate([file('wide.log', given)], io), 0);
  const out = io.outBytes();
  assert.match(out.toString('utf16le'), /<- nt!ps: Thread objects\r\n/);
  const left = out.toString('utf16le').replace(/ +<- nt!ps: Thread objects/, '');
  assert.deepEqual(Buffer.from(left, 'utf16le'), given);
});

test('A localtag.txt among the drivers names owners, as a list that is named does.', async () => {
  const localtag = file('localtag.txt', 'ZqZ! - zq.sys - Zq buffers\n');
  for (const option of ['--drivers', '--pooltag']) {
    const io = capturedIo();
    assert.equal(await annotate([file('b.log', TABLE), option, localtag], io), 0);
    assert.match(io.out(), /ZqZ! Nonp.* <- zq\.sys: Zq buffers\n/);
  }
});

test('No control character of the text or of a list reaches a terminal.', async () => {
  const list = file('bad.txt', 'ZqZ! - \u001b[2Jq.sys - \u0007\u202e text\u009b1m\n');
  const text = `${TABLE}\u001b[31mred\u0007 \u009b2J\n`;
  const io = capturedIo({}, { isTTY: true });
  assert.equal(await annotate([file('c.log', text), '--pooltag', list], io), 0);
  assert.doesNotMatch(io.out().replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
  const wide = capturedIo({}, { isTTY: true });
  const given = Buffer.from(`\ufeff${text}`, 'utf16le');
  assert.equal(await annotate([file('d.log', given)], wide), 0);
  assert.match(wide.out(), /Thre Nonp .*<- nt!ps/);
  assert.doesNotMatch(wide.out().replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
});

// arguments, exit code, what stderr holds, reason
const ENDS: [string[], number, RegExp, string][] = [
  [[file('prose.txt', 'nothing here\n')], 1, /no line shows a pool tag/, 'no table'],
  [['--frmat', 'text'], 2, /unknown option '--frmat'/, 'an unknown option'],
  [[], 2, /No file is named and nothing is piped in/, 'nothing to read'],
  [
    [path.join(folder, 'missing.log')],
    3,
    /missing\.log was not read: There is no file/,
    'a file that is not there',
  ],
  [[path.join(folder, 'missing.log'), file('e.log', TABLE)], 3, /one line has its owner/, 'one of two files'],
];
for (const [argv, exitCode, err, reason] of ENDS) {
  test(`pooltag annotate ends with ${exitCode}: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await annotate(argv, io), exitCode);
    assert.match(io.err(), err);
  });
}

test('Ctrl-C ends it with 130, and what was read is written.', async () => {
  const io = capturedIo({}, { stdin: endless() });
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from(TABLE);
    io.stop();
    await new Promise(() => {});
  }
  assert.equal(await annotate([], io), 130);
  assert.match(io.out(), /<- nt!ps: Thread objects/);
});
