import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { SnapshotLog } from '../../../api/watch/snapshot-log.ts';
import { LOADER, moduleUrl, nodeArguments } from '../../node-arguments.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-log-'));
after(() => rmSync(folder, { recursive: true }));
const LARGE = { fileBytes: 1_000_000, files: 3 };

let number = 0;
function newFile(): string {
  const own = path.join(folder, String(number++));
  mkdirSync(own);
  return path.join(own, 'pool.jsonl');
}

/** The whole lines, oldest first, over FILE and the older ones. */
function allLines(file: string): string[] {
  const names = readdirSync(path.dirname(file));
  const age = (name: string) => Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
  return names
    .sort((a, b) => age(b) - age(a))
    .flatMap(name => readFileSync(path.join(path.dirname(file), name), 'utf8').split('\n'))
    .filter(line => line !== '');
}

test('Opening makes the file, and appending adds whole lines after what is there.', async () => {
  const file = newFile();
  const log = await SnapshotLog.open(file, LARGE);
  assert.equal(readFileSync(file, 'utf8'), '');
  assert.deepEqual(await log.append('one\n'), []);
  assert.deepEqual(await (await SnapshotLog.open(file, LARGE)).append('two\n'), []);
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
});

test('A torn last line is completed with a line end, wherever it was torn, and nothing of it is lost.', async () => {
  const whole = '{"a":1}\n{"b":"é"}\n';
  const bytes = Buffer.from(whole);
  for (let length = 0; length <= bytes.length; length++) {
    const file = newFile();
    const torn = bytes.subarray(0, length);
    writeFileSync(file, torn);
    await (await SnapshotLog.open(file, LARGE)).append('{"c":3}\n');
    const needsEnd = length > 0 && torn[length - 1] !== 0x0a;
    const expected = Buffer.concat([torn, Buffer.from(needsEnd ? '\n{"c":3}\n' : '{"c":3}\n')]);
    assert.ok(readFileSync(file).equals(expected), `torn after ${length} bytes`);
  }
});

test('A file that would grow too large becomes FILE.1; the oldest goes, so that the total is bounded.', async () => {
  const file = newFile();
  const log = await SnapshotLog.open(file, { fileBytes: 100, files: 3 });
  for (let i = 0; i < 30; i++) {
    assert.deepEqual(await log.append(`${String(i).padStart(29, '0')}\n`), []);
  }
  assert.deepEqual(readdirSync(path.dirname(file)).sort(), ['pool.jsonl', 'pool.jsonl.1', 'pool.jsonl.2']);
  for (const name of readdirSync(path.dirname(file))) {
    assert.ok(statSync(path.join(path.dirname(file), name)).size <= 100, name);
  }
  assert.deepEqual(
    allLines(file).map(Number),
    Array.from({ length: 9 }, (_, i) => 21 + i),
    'three lines to a file, the youngest nine',
  );
});

test('A line that is larger than a file is written all the same, alone in its file.', async () => {
  const file = newFile();
  const log = await SnapshotLog.open(file, { fileBytes: 10, files: 2 });
  for (const line of ['short\n', `${'x'.repeat(50)}\n`, 'last\n']) await log.append(line);
  assert.equal(readFileSync(file, 'utf8'), 'last\n');
  assert.equal(readFileSync(`${file}.1`, 'utf8'), `${'x'.repeat(50)}\n`);
});

test('A file that cannot be renamed goes on growing with a remark, up to twice its size.', async () => {
  const file = newFile();
  // A folder that holds something cannot be replaced by a file.
  mkdirSync(`${file}.1`);
  writeFileSync(path.join(`${file}.1`, 'inside'), '');
  const log = await SnapshotLog.open(file, { fileBytes: 20, files: 2 });
  assert.deepEqual(await log.append('0123456789abcd\n'), []);
  assert.match((await log.append('0123456789abcd\n')).join(), /could not be renamed.*pool\.jsonl\.1 open/);
  await assert.rejects(log.append('0123456789abcd\n'), { code: /EISDIR|ENOTEMPTY|EEXIST|EPERM/ });
  assert.equal(statSync(file).size, 30);
  rmSync(`${file}.1`, { recursive: true });
  assert.deepEqual(await log.append('0123456789abcd\n'), []);
  assert.equal(statSync(file).size, 15);
});

test('Lines of another process are noticed, and the lines of both are whole.', async () => {
  const file = newFile();
  const [one, two] = [await SnapshotLog.open(file, LARGE), await SnapshotLog.open(file, LARGE)];
  assert.deepEqual(await one.append('of one\n'), []);
  assert.deepEqual(await two.append('of two\n'), []);
  assert.match(
    (await one.append('of one\n')).join(),
    /grew by 7 bytes that this process did not write: another/,
  );
  const both = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (i % 2 ? one : two).append(`${String(i).repeat(2_000)}\n`)),
  );
  assert.ok(both.length === 40);
  const lines = readFileSync(file, 'utf8').split('\n').slice(3, -1);
  assert.deepEqual(
    lines.map(line => Number(line.slice(0, line.length / 2_000))).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i),
  );
});

test('A file that somebody moved away is begun anew.', async () => {
  const file = newFile();
  const log = await SnapshotLog.open(file, LARGE);
  await log.append('one\n');
  rmSync(file);
  assert.deepEqual(await log.append('two\n'), []);
  assert.equal(readFileSync(file, 'utf8'), 'two\n');
});

test('A full disk rejects the line, and the next one begins on its own.', {
  skip: existsSync('/dev/full') ? false : 'only Linux has a device that is always full',
}, async () => {
  // A limit on the size of a file stands in for a full disk: the system takes a part of the line and then refuses.
  const file = newFile();
  const script = `
    const { SnapshotLog } = await import(${JSON.stringify(moduleUrl('api/watch/snapshot-log.ts'))});
    process.on('SIGXFSZ', () => {});
    const log = await SnapshotLog.open(${JSON.stringify(file)}, { fileBytes: 10_000_000, files: 2 });
    await log.append('first\\n');
    await log.append('x'.repeat(4_000) + '\\n').then(() => process.exit(9), error => console.log(error.code));`;
  const child = spawn('bash', [
    '-c',
    `ulimit -f 1; exec "$0" ${LOADER.join(' ')} --input-type=module -e "$1"`,
    process.execPath,
    script,
  ]);
  const [output] = await Promise.all([child.stdout.toArray(), once(child, 'exit')]);
  assert.equal(Buffer.concat(output).toString(), 'EFBIG\n');
  const torn = readFileSync(file, 'utf8');
  assert.match(torn, /^first\nx+$/);
  await (await SnapshotLog.open(file, LARGE)).append('next\n');
  assert.equal(readFileSync(file, 'utf8'), `${torn}\nnext\n`);
});

test('A process that is killed while it writes and rotates leaves whole lines but for the one in the making.', async () => {
  const file = newFile();
  const numbers: number[] = [];
  let torn = 0;
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, [
      ...nodeArguments('test/api/watch/append-forever.ts'),
      file,
      '400000',
      '4',
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const line of allLines(file)) {
      try {
        numbers.push(JSON.parse(line).number);
      } catch {
        torn++;
      }
    }
  }
  assert.ok(numbers.length >= 12, `${numbers.length} lines`);
  assert.ok(torn <= 1 + 2 + 3, `at most one more in each round: ${torn}`);
  const log = await SnapshotLog.open(file, { fileBytes: 400_000, files: 4 });
  await log.append('{"number":-1}\n');
  assert.equal(JSON.parse(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!).number, -1);
});

// path, what the sentence says
const UNUSABLE: [string, RegExp][] = [
  [folder, /is a folder or a device\. Name a file\./],
  ['/dev/null', /is a folder or a device/],
  [path.join(folder, 'none', 'pool.jsonl'), /there is no folder .*none\. Create it first\./],
  [path.join(folder, '\0'), /cannot be written/],
];
for (const [file, message] of UNUSABLE) {
  test(`${JSON.stringify(path.basename(file))} is refused before any work: ${message.source}`, async () => {
    await assert.rejects(SnapshotLog.open(file, LARGE), error => {
      assert.equal((error as { code?: string }).code, 'output-failed');
      assert.match((error as Error).message, message);
      return true;
    });
  });
}

test('What others append between two lines does not count as torn when it is whole.', async () => {
  const file = newFile();
  const log = await SnapshotLog.open(file, LARGE);
  await log.append('one\n');
  appendFileSync(file, 'half');
  await log.append('two\n');
  assert.equal(readFileSync(file, 'utf8'), 'one\nhalf\ntwo\n');
});
