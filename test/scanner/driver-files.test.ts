/** Scanning folders as they are: sound drivers among everything else that a disk can hold. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type ScanFilesOptions, type ScannedFile, scanFiles } from '../../scanner/driver-files.ts';
import { tinyImage } from './pe/tiny-image.ts';

const DRIVER = tinyImage({ arch: 'x64', pdbPath: 'vault.pdb' });
const hasUnixFiles = process.platform !== 'win32';

function folder(t: TestContext, files: Record<string, Uint8Array | string>): string {
  const root = mkdtempSync(join(tmpdir(), 'pooltag [scan] {a,b} '));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

async function scan(options: ScanFilesOptions): Promise<ScannedFile[]> {
  const found: ScannedFile[] = [];
  // In this thread, so that the order is that of the list; the tests of workers say so.
  for await (const file of scanFiles({ workers: 0, ...options })) found.push(file);
  return found;
}

/** `name: status` or `name: code`, with names below the root. */
function inShort(root: string, files: ScannedFile[]): string[] {
  return files.map(({ file, outcome }) => {
    const what = outcome.status === 'refused' ? outcome.reason.code : outcome.status;
    return `${relative(root, file).replaceAll('\\', '/')}: ${what}`;
  });
}

test('A folder is searched to its depths for .sys in any letter case, in the order of paths', async t => {
  const root = folder(t, {
    'b.sys': DRIVER,
    'A/deep/er/Vault.SYS': DRIVER,
    '.hidden/c.sYs': DRIVER,
    'a.dll': DRIVER,
    'notes.sys.txt': 'x',
    sys: 'x',
  });
  mkdirSync(join(root, 'folder.sys'));
  const plans: number[] = [];
  const found = await scan({ paths: [root], onPlan: total => plans.push(total) });
  assert.deepEqual(inShort(root, found), [
    '.hidden/c.sYs: scanned',
    'A/deep/er/Vault.SYS: scanned',
    'b.sys: scanned',
  ]);
  assert.deepEqual(plans, [3]);
});

test('A file that is scanned has its identity and hash', async t => {
  const root = folder(t, { 'vault.sys': DRIVER });
  const [{ outcome, elapsedMs }] = await scan({ paths: [root] });
  assert.ok(outcome.status === 'scanned');
  assert.equal(outcome.driver.fileName, 'vault.sys');
  assert.equal(outcome.driver.sha256, createHash('sha256').update(DRIVER).digest('hex'));
  assert.equal(outcome.driver.sizeBytes, DRIVER.length);
  assert.equal(outcome.driver.pdbName, 'vault.pdb');
  assert.ok(elapsedMs >= 0);
});

test('Another pattern finds other files, at any depth where it has no slash', async t => {
  const root = folder(t, { 'a.sys': DRIVER, 'b.dll': DRIVER, 'x/c.DLL': DRIVER });
  assert.deepEqual(inShort(root, await scan({ paths: [root], glob: '*.dll' })), [
    'b.dll: scanned',
    'x/c.DLL: scanned',
  ]);
  assert.deepEqual(inShort(root, await scan({ paths: [root], glob: 'x/*' })), ['x/c.DLL: scanned']);
});

test('A named file is tried whatever its name, and what cannot be scanned says why', async t => {
  const root = folder(t, {
    'driver.bin': DRIVER,
    'empty.sys': '',
    'notes.sys': 'just notes',
    'cut.sys': DRIVER.subarray(0, 900),
  });
  const huge = join(root, 'huge.sys');
  writeFileSync(huge, 'MZ');
  truncateSync(huge, 300 * 1024 * 1024);
  const names = [
    'driver.bin',
    'empty.sys',
    'notes.sys',
    'cut.sys',
    'huge.sys',
    'missing.sys',
    'driver.bin/below',
  ];
  const found = await scan({ paths: names.map(name => join(root, name)) });
  assert.deepEqual(inShort(root, found).sort(), [
    'cut.sys: truncated',
    'driver.bin/below: unreadable',
    'driver.bin: scanned',
    'empty.sys: empty',
    'huge.sys: too-large',
    'missing.sys: unreadable',
    'notes.sys: not-a-pe',
  ]);
  for (const { outcome } of found) {
    if (outcome.status === 'refused') assert.match(outcome.reason.message, /^[A-Z].*\.$/);
  }
});

test('A path that no system can have is refused, not thrown', async () => {
  const [nul, long] = await scan({ paths: ['a\0b.sys', `${'x'.repeat(5000)}.sys`] });
  assert.ok(nul.outcome.status === 'refused' && long.outcome.status === 'refused');
  assert.deepEqual([nul.outcome.reason.code, long.outcome.reason.code], ['unreadable', 'unreadable']);
});

test('What is named twice, by any path, is scanned once', async t => {
  const root = folder(t, { 'a.sys': DRIVER, 'x/b.sys': DRIVER });
  const paths = [root, join(root, 'a.sys'), join(root, 'x', '..', 'a.sys'), join(root, 'x'), root];
  assert.deepEqual(inShort(root, await scan({ paths })), ['a.sys: scanned', 'x/b.sys: scanned']);
});

if (hasUnixFiles) {
  test('Links in a folder are not followed; a named link is', async t => {
    const root = folder(t, { 'real/a.sys': DRIVER });
    symlinkSync(join(root, 'real/a.sys'), join(root, 'real/link.sys'));
    symlinkSync(root, join(root, 'real/circle'));
    symlinkSync('loop.sys', join(root, 'loop.sys'));
    assert.deepEqual(inShort(root, await scan({ paths: [root] })), ['real/a.sys: scanned']);
    assert.deepEqual(inShort(root, await scan({ paths: [join(root, 'real/link.sys')] })), [
      'real/link.sys: scanned',
    ]);
    assert.deepEqual(inShort(root, await scan({ paths: [join(root, 'loop.sys')] })), [
      'loop.sys: unreadable',
    ]);
  });

  test('Pipes, sockets and devices are refused without waiting on them', async t => {
    const root = folder(t, { 'a.sys': DRIVER });
    execFileSync('mkfifo', [join(root, 'pipe.sys')]);
    const server = createServer().listen(join(root, 'socket.sys'));
    t.after(() => server.close());
    await new Promise(resolve => server.once('listening', resolve));
    const named = ['pipe.sys', 'socket.sys'].map(name => join(root, name));
    assert.deepEqual(
      inShort(root, await scan({ paths: [...named, '/dev/zero'] })).map(line => line.replace(/^.*: /, '')),
      ['not-a-file', 'not-a-file', 'not-a-file'],
    );
    assert.deepEqual(inShort(root, await scan({ paths: [root] })), ['a.sys: scanned']);
  });

  test('A file name may hold anything that a Unix disk allows', async t => {
    const root = folder(t, { 'a\\b.sys': DRIVER, '[x]*?.sys': DRIVER, '!n\n.sys': DRIVER, '  .sys': DRIVER });
    const found = await scan({ paths: [root] });
    assert.deepEqual(
      found.map(({ outcome }) => outcome.status),
      ['scanned', 'scanned', 'scanned', 'scanned'],
    );
  });
}

for (const workers of [1, 2, 'auto'] as const) {
  test(`Worker threads (${workers}) find what one thread finds, bad files and all`, async t => {
    const files: Record<string, Uint8Array | string> = { 'z.sys': 'no driver', 'y.sys': '' };
    for (let index = 0; index < 20; index++) files[`x/${index}.sys`] = DRIVER;
    const root = folder(t, files);
    const options = { paths: [root, join(root, 'missing.sys')] };
    const here = inShort(root, await scan(options));
    const there = inShort(root, await scan({ ...options, workers }));
    assert.equal(here.length, 23);
    assert.deepEqual(there.sort(), here.sort());
  });
}

test('No files at all are an empty stream', async t => {
  const plans: number[] = [];
  assert.deepEqual(
    await scan({ paths: [folder(t, {})], workers: 'auto', onPlan: total => plans.push(total) }),
    [],
  );
  assert.deepEqual(plans, [0]);
});

for (const workers of [0, 2]) {
  test(`With ${workers} workers an abort ends the stream quietly and keeps what was found`, async t => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index}.sys`, DRIVER]));
    const stop = new AbortController();
    const found: ScannedFile[] = [];
    for await (const file of scanFiles({ paths: [folder(t, files)], workers, signal: stop.signal })) {
      found.push(file);
      if (found.length === 3) stop.abort();
    }
    // What a worker had finished by then is kept too.
    assert.ok(found.length >= 3 && found.length <= 3 + workers, `${found.length} files`);
  });
}

test('A signal that is aborted already scans nothing', async t => {
  const found = await scan({ paths: [folder(t, { 'a.sys': DRIVER })], signal: AbortSignal.abort() });
  assert.deepEqual(found, []);
});

test('A reader that leaves early ends the workers', async t => {
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index}.sys`, DRIVER]));
  for await (const { outcome } of scanFiles({ paths: [folder(t, files)], workers: 2 })) {
    assert.equal(outcome.status, 'scanned');
    break;
  }
  assert.equal(process.getActiveResourcesInfo().filter(name => name === 'Worker').length, 0);
});
