import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { leaks } from '../../../api/commands/leaks.ts';
import { leakAnswerSchema } from '../../../api/leaks/leak-schema.ts';
import { poolmonLog, poolmonSnapshot } from '../poolmon-logs.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-leaks-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string | Buffer): string {
  const place = path.join(folder, name);
  writeFileSync(place, text);
  return place;
}

const LOG = file('pool.log', poolmonLog(48));
const ONE = file('one.log', poolmonSnapshot(0));

async function* pieces(text: string): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += 1000) yield Buffer.from(text.slice(at, at + 1000));
}

async function asJson(argv: string[]) {
  const io = capturedIo();
  const exitCode = await leaks([...argv, '--format', 'json'], io);
  return { exitCode, answer: JSON.parse(io.out()), err: io.err() };
}

test('A log with a leak is answered in the first line, and ends with 0.', async () => {
  const io = capturedIo();
  assert.equal(await leaks([LOG, '--every', '30m'], io), 0);
  assert.match(io.out(), /^Thre is leaking nonpaged pool, .* an hour\. Thread objects, owned by/);
  assert.match(io.out(), /\nWhat to do next\n[\s\S]*\nTags: \d+ rows/);
  assert.equal(io.err(), '');
});

test('One snapshot shows who holds most, and is no leak.', async () => {
  const { exitCode, answer } = await asJson([ONE]);
  assert.equal(exitCode, 0);
  assert.match(answer.headline, /^MmSt holds 149 MB of paged pool, the most of all tags\./);
  assert.equal(answer.verdicts.leaking, 0);
  assert.ok(answer.suspects.length > 0 && answer.nextSteps.length > 0);
});

test('JSON is the answer document, with the points of each listed tag.', async () => {
  const { answer } = await asJson([LOG, '--every', '30m', '--top', '2']);
  assert.deepEqual(leakAnswerSchema.parse(answer), answer);
  assert.equal(answer.tags.length, 2);
  assert.equal(answer.tags[0].tag, 'Thre');
  assert.equal(answer.tags[0].series.bytes.length, 48);
  assert.equal(answer.spanHours, 23.5);
});

test('CSV has all tags and harmless cells, HTML is one page with no script.', async () => {
  const csv = capturedIo();
  assert.equal(await leaks([LOG, '--format', 'csv', '--every', '30m'], csv), 0);
  assert.match(csv.out(), /^rank,tag,id,.*\n1,Thre,54687265,nonpaged,leaking,/);
  assert.match(csv.out(), /\n\d+,'=cmd,3d636d64,/);
  const page = capturedIo();
  assert.equal(await leaks([LOG, '--format', 'html', '--every', '30m'], page), 0);
  assert.match(page.out(), /^<!doctype html>/i);
  assert.doesNotMatch(page.out(), /<script/i);
});

test('--out puts the answer into a file that appears whole.', async () => {
  const out = path.join(folder, 'answer.json');
  const io = capturedIo();
  assert.equal(await leaks([LOG, '--format', 'json', '--out', out], io), 0);
  assert.equal(io.out(), '');
  assert.equal(JSON.parse(readFileSync(out, 'utf8')).snapshots.length, 48);
});

test('Standard input is read where nothing is named, and where a dash is.', async () => {
  for (const argv of [[], ['-']]) {
    const io = capturedIo({}, { stdin: pieces(poolmonLog(48)) });
    assert.equal(await leaks([...argv, '--every', '30m'], io), 0);
    assert.match(io.out(), /^Thre is leaking/);
  }
});

test('One file for each snapshot: a folder, a pattern and names as a shell gives them are read in their order.', async () => {
  const below = path.join(folder, 'logs');
  mkdirSync(below);
  const names = Array.from({ length: 12 }, (_, i) => `pool-${i + 1}.log`);
  names.forEach((name, i) => {
    writeFileSync(path.join(below, name), poolmonSnapshot(i));
    // Copies often lose their dates.
    utimesSync(path.join(below, name), 1_700_000_000, 1_700_000_000);
  });
  const files = names.map(name => path.join(below, name));
  for (const argv of [[below], [path.join(below, 'pool-*.log')], [...files].sort(), files]) {
    const { answer } = await asJson([...argv, '--every', '30m']);
    assert.deepEqual(
      answer.snapshots.map(({ file: place }: { file: string }) => path.basename(place)),
      names,
    );
  }
});

test('The dates of files are the times of their snapshots where nothing else tells them.', async () => {
  const places = [0, 1, 2, 3, 4, 5].map(i => file(`dated-${i}.log`, poolmonSnapshot(i)));
  for (const [i, place] of places.entries()) {
    utimesSync(place, 1_700_000_000 + i * 3600, 1_700_000_000 + i * 3600);
  }
  const { answer } = await asJson(places);
  assert.equal(answer.spanHours, 5);
  assert.equal(answer.snapshots[0].timeFrom, 'file');
});

test('Filters, pool and order are those of PoolMon.', async () => {
  const tags = async (...argv: string[]) =>
    (await asJson([LOG, ...argv])).answer.tags.map(({ tag }: { tag: string }) => tag);
  assert.deepEqual(await tags('--include', 'Thr*'), ['Thre']);
  assert.deepEqual((await tags('--include', 'Thre', '--include', 'Io', '--sort', 't')).sort(), [
    'Io  ',
    'Thre',
  ]);
  assert.ok(!(await tags('--exclude', 'M???')).includes('MmSt'));
  assert.deepEqual(await tags('--pool', 'paged', '--sort', 'b', '--top', '1'), ['MmSt']);
  assert.deepEqual(await tags('--sort', 'B'), await tags('--sort', 'bytes'));
  const { answer } = await asJson([LOG, '--include', 'Io', '--every', '30m']);
  assert.match(answer.summary.join(' '), /The filters leave out Thre, which is leaking\./);
});

test('A localtag.txt among the drivers and drivers themselves name owners.', async () => {
  const localtag = file('localtag.txt', 'ZqZ! - zq.sys - Zq buffers\n');
  const { answer } = await asJson([LOG, '--drivers', localtag, '--include', 'ZqZ!']);
  assert.equal(answer.tags[0].owners[0].image, 'zq.sys');
});

test('Versions tell which known leaks apply.', async () => {
  const text = poolmonLog(12).replaceAll(' Thre ', ' NPBL ');
  const log = file('npcap.log', text);
  const articles = async (version: string) => {
    const { answer } = await asJson([log, '--every', '30m', '--driver', `npcap.sys@${version}`]);
    return answer.suspects[0].articles.map(
      ({ applies }: { applies: { verdict: string } }) => applies.verdict,
    );
  };
  assert.deepEqual(await articles('0.9988'), ['applies']);
  assert.deepEqual(await articles('1.79'), []);
});

const missing = path.join(folder, 'missing.log');
// arguments, exit code, what stderr holds, reason
const ENDS: [string[], number, RegExp, string][] = [
  [
    [file('prose.txt', 'nothing here\nat all\n')],
    1,
    /^pooltag: No snapshot was recognised\. Expected is what PoolMon/,
    'prose',
  ],
  [[file('empty.txt', '')], 1, /No snapshot was recognised/, 'an empty file'],
  [
    [file('junk.bin', Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251)))],
    1,
    /No snapshot/,
    'junk',
  ],
  [[], 2, /No file is named and nothing is piped in\. Name the files/, 'nothing to read'],
  [[LOG, '--every', '30'], 2, /--every.*It must be a number with s, m, h or d/s, 'a time without its unit'],
  [[LOG, '--sort', 'e'], 2, /--sort.*It must be one of suspicion, bytes/s, 'no such order'],
  [[LOG, '--pool', 'both'], 2, /--pool.*It must be nonp or paged/s, 'no such pool'],
  [[LOG, '--top', '0'], 2, /--top.*whole number/s, 'no tags'],
  [[LOG, '--include', ''], 2, /--include.*1 to 40 characters/s, 'an empty filter'],
  [[LOG, '--format', 'xml'], 2, /--format/, 'no such format'],
  [[LOG, '--windows', 'eleven'], 2, /--windows is "eleven"/, 'no build'],
  [[LOG, '--drivers', missing], 2, /--drivers.*missing\.log/, 'drivers that are not there'],
  [
    [missing],
    3,
    /missing\.log was not read: There is no file or folder of this name\./,
    'a file that is not there',
  ],
  [[missing, LOG], 3, /missing\.log was not read/, 'the rest is answered'],
  [[LOG, '--format', 'json', '--out', folder], 3, /cannot be written/, 'a folder as the output'],
];
for (const [argv, exitCode, err, reason] of ENDS) {
  test(`pooltag leaks ends with ${exitCode}: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await leaks(argv, io), exitCode);
    assert.match(io.err(), err);
    assert.equal(io.out() !== '', argv.includes(missing) && argv.includes(LOG) && exitCode === 3);
  });
}

test('Ctrl-C ends it with 130, and what was read by then is answered.', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.from(poolmonLog(48));
    io.stop();
    await new Promise(() => {});
  }
  const io = capturedIo({}, { stdin: endless() });
  assert.equal(await leaks(['--every', '30m', '--drivers', folder], io), 130);
  assert.match(io.out(), /^Thre is leaking/);
  assert.match(io.err(), /stopped; the answer is about what was read so far/);
});

test('No control character of a log reaches a terminal, in any format.', async () => {
  const row = ' \u001b[2J Nonp   9000000         1   8999999 999999999      111 [\u0007\u202e\u009b1m]\n';
  const log = file('bad.log', poolmonSnapshot(0) + row + poolmonSnapshot(1) + row);
  for (const format of ['text', 'json', 'csv', 'html']) {
    const io = capturedIo({ NO_COLOR: '1' }, { isTTY: true });
    assert.equal(await leaks([log, '--format', format, '--every', '30m'], io), 0);
    assert.doesNotMatch((io.out() + io.err()).replaceAll('\n', ''), /[\p{Cc}\u202e]/u, format);
  }
});

test('Help has examples of each door.', async () => {
  const io = capturedIo();
  assert.equal(await leaks(['--help'], io), 0);
  for (const words of ['pool-*.log --every 15m', '--format html', 'localtag.txt', 'key of PoolMon']) {
    assert.ok(io.out().replace(/\s+/g, ' ').includes(words), words);
  }
});
