/** Scanning folders as they are: sound drivers among everything else that a disk can hold. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import { poolTag } from '../../data/pool-tag.ts';
import { projectFile } from '../../data/project-files.ts';
import { type ScanFilesOptions, type ScannedFile, scanFiles } from '../../scanner/driver-files.ts';
import { DriverServices } from '../../scanner/files/driver-services.ts';
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

/** Without what differs from run to run. */
function outcomes(files: ScannedFile[]): unknown[] {
  return files.map(({ file, outcome }) => ({ file, outcome })).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The outcomes that are kept; what is noted of files depends on how old they are by then. */
function cacheEntries(cacheFolder: string): string[] {
  return readdirSync(join(cacheFolder, 'scans'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

for (const workers of [0, 2]) {
  test(`With ${workers} workers a second scan finds what the first has kept, and says the same`, async t => {
    const files: Record<string, Uint8Array | string> = { 'notes.sys': 'no driver', 'empty.sys': '' };
    for (let index = 0; index < 10; index++)
      files[`${index}.sys`] = Buffer.concat([DRIVER, Buffer.from([index])]);
    const paths = [folder(t, files), '/missing.sys'];
    const cacheFolder = join(folder(t, {}), 'cache');
    const without = outcomes(await scan({ paths, workers }));
    const first = outcomes(await scan({ paths, workers, cacheFolder }));
    // The 10 drivers and the notes; an empty or a missing file gives no bytes that could be known again.
    const kept = cacheEntries(cacheFolder);
    assert.equal(kept.length, 11);
    const problems: string[] = [];
    const again = await scan({
      paths,
      workers,
      cacheFolder,
      onCacheProblem: problem => problems.push(problem),
    });
    assert.deepEqual(first, without);
    assert.deepEqual(outcomes(again), without);
    assert.deepEqual(problems, []);
    for (const entry of kept) writeFileSync(entry, readFileSync(entry, 'utf8').slice(0, 150));
    assert.deepEqual(outcomes(await scan({ paths, workers, cacheFolder })), without);
    assert.ok(cacheEntries(cacheFolder).every(entry => readFileSync(entry).length > 150));
  });

  test(`With ${workers} workers a cache that cannot be written is said once, and every file is scanned`, async t => {
    const paths = [folder(t, { 'a.sys': DRIVER, 'b.sys': DRIVER, 'c.sys': DRIVER })];
    const cacheFolder = join(folder(t, { file: 'x' }), 'file');
    const problems: string[] = [];
    const options = {
      paths,
      workers,
      cacheFolder,
      onCacheProblem: (problem: string) => problems.push(problem),
    };
    assert.equal((await scan(options)).filter(({ outcome }) => outcome.status === 'scanned').length, 3);
    assert.equal(problems.length, 1);
    assert.match(problems[0], /^The cache folder .* cannot be written/);
  });
}

test('Two scans that fill one cache at once both find everything', async t => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`${index}.sys`, Buffer.concat([DRIVER, Buffer.from([index])])]),
  );
  const paths = [folder(t, files)];
  const cacheFolder = folder(t, {});
  const scans = [1, 2, 1].map(workers => scan({ paths, workers, cacheFolder }));
  for (const found of await Promise.all(scans)) {
    assert.deepEqual(
      found.map(({ outcome }) => outcome.status),
      Array(40).fill('scanned'),
    );
  }
  assert.equal(cacheEntries(cacheFolder).length, 40);
});

test('A file that is found again under another path says where it was seen first', async t => {
  const other = tinyImage({ arch: 'x64', pdbPath: 'other.pdb' });
  const root = folder(t, { 'a/x.sys': DRIVER, 'b/X.SYS': DRIVER, 'b/y.sys': DRIVER, 'c/x.sys': other });
  const found = await scan({ paths: [root] });
  assert.deepEqual(
    found.map(({ file, sameAs }) => [relative(root, file), sameAs && relative(root, sameAs)]),
    [
      [join('a', 'x.sys'), undefined],
      [join('b', 'X.SYS'), join('a', 'x.sys')],
      // Another name may mean another default tag.
      [join('b', 'y.sys'), undefined],
      [join('c', 'x.sys'), undefined],
    ],
  );
  assert.ok(found.every(({ outcome }) => outcome.status === 'scanned'));
});

test('What loads a driver is said where the services are known, and is never kept', async t => {
  const root = folder(t, { 'a.sys': DRIVER, 'b.sys': DRIVER });
  const cacheFolder = folder(t, {});
  const entry = { name: 'A', start: 'boot', type: 'kernel-driver' } as const;
  const services = new DriverServices([], {});
  services.of = path => (path.endsWith('a.sys') ? [entry] : []);
  const seen = async (known: DriverServices | null) => {
    const found = await scan({ paths: [root], cacheFolder, services: Promise.resolve(known) });
    return found.map(({ outcome }) => outcome.status === 'scanned' && outcome.services);
  };
  assert.deepEqual(await seen(services), [[entry], []]);
  assert.deepEqual(await seen(null), [undefined, undefined]);
});

test('The default tag of a KMDF driver is made of the name of the service that loads it, and explained by it', async t => {
  const kmdf = readFileSync(projectFile('test', 'drivers', 'built', 'kmdf-plain.x64.clang.O2.sys'));
  const root = folder(t, { 'teedriver.sys': kmdf });
  const services = new DriverServices([], {});
  services.of = () => [{ name: 'MEIx64', start: 'manual', type: 'kernel-driver' }];
  const tagsOf = async (known: DriverServices | null, explain?: string) => {
    const options = explain === undefined ? {} : { explain: [poolTag(explain)] };
    const [{ outcome, explanation }] = await scan({
      paths: [root],
      services: Promise.resolve(known),
      ...options,
    });
    const sightings = outcome.status === 'scanned' ? outcome.sightings : [];
    return {
      tags: sightings.flatMap(({ tag, evidence }) => (evidence[0].kind === 'default-tag' ? [tag] : [])),
      steps: explanation?.sites[0].steps.at(-1)?.text,
    };
  };
  assert.deepEqual((await tagsOf(null)).tags, ['teed']);
  assert.deepEqual((await tagsOf(services)).tags, ['MEIx']);
  assert.match((await tagsOf(services, 'MEIx')).steps ?? '', /MEIx64, which loads this file/);
  assert.equal((await tagsOf(services, 'teed')).steps, undefined);
});

test('A folder that may be there is searched with its own pattern, and missing it is nothing', async t => {
  const root = folder(t, { 'a.exe': DRIVER, 'b.sys': DRIVER, 'x/c.sys': DRIVER, 'x/y/d.sys': DRIVER });
  const paths = [
    { folder: join(root, 'x'), glob: '*.sys', isDeep: false },
    { folder: root, glob: '*.{exe,sys}', isDeep: false },
    { folder: join(root, 'missing'), glob: '*', isDeep: true },
    join(root, 'x', 'y'),
  ];
  assert.deepEqual(inShort(root, await scan({ paths, glob: '*.exe' })), [
    'x/c.sys: scanned',
    'a.exe: scanned',
    'b.sys: scanned',
  ]);
});
