import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { scan } from '../../../api/commands/scan.ts';
import { readTagList } from '../../../data/pooltag-txt.ts';
import { projectFile } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

const samples = projectFile('data', 'samples');
const disk = path.join(samples, 'sample-disk.sys');
const root = mkdtempSync(path.join(os.tmpdir(), 'pooltag-scan-'));
after(() => rmSync(root, { recursive: true }));

/** A folder with a good driver in odd letter case, one below it, a broken one, and files that are no drivers. */
const mixed = path.join(root, 'mixed');
mkdirSync(path.join(mixed, 'below'), { recursive: true });
copyFileSync(disk, path.join(mixed, 'DISK.SYS'));
copyFileSync(path.join(samples, 'sample-net.sys'), path.join(mixed, 'below', 'net.sys'));
copyFileSync(disk, path.join(mixed, 'driver.bin'));
writeFileSync(path.join(mixed, 'notes.sys'), 'These are notes.');
const empty = path.join(root, 'empty');
mkdirSync(empty);

interface Line {
  file: string;
  status: string;
  reason?: { code: string; message: string };
  driver?: { sha256: string };
  sightings?: { tag: string; evidence: { kind: string }[] }[];
}

function lines(text: string): Line[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
}

test('A folder is searched for *.sys in any letter case with all below, and a refused file changes the exit code alone.', async () => {
  const io = capturedIo();
  assert.equal(await scan([mixed, '--format', 'ndjson'], io), 3);
  const found = new Map(lines(io.out()).map(line => [path.relative(mixed, line.file), line]));
  assert.deepEqual([...found.keys()].sort(), ['DISK.SYS', path.join('below', 'net.sys'), 'notes.sys'].sort());
  assert.equal(found.get('notes.sys')!.status, 'refused');
  assert.equal(found.get('notes.sys')!.reason!.code, 'not-a-pe');
  assert.ok(found.get('DISK.SYS')!.sightings!.some(({ tag }) => tag === 'SdRq'));
  assert.match(io.err(), /notes\.sys was not scanned: .*\n.* tags in 2 drivers; 1 file not scanned\.\n$/);
});

test('A named file is always tried, whatever it is called.', async () => {
  const io = capturedIo();
  assert.equal(await scan([path.join(mixed, 'driver.bin'), '--format', 'ndjson'], io), 0);
  assert.deepEqual(
    lines(io.out()).map(({ status }) => status),
    ['scanned'],
  );
});

test('Another pattern chooses other files of a folder.', async () => {
  const io = capturedIo();
  assert.equal(await scan([mixed, '--glob', '*.bin', '--format', 'ndjson'], io), 0);
  assert.deepEqual(
    lines(io.out()).map(({ file }) => path.basename(file)),
    ['driver.bin'],
  );
});

test('A path that does not exist is input that could not be read: a sentence, a refused line and 3.', async () => {
  const missing = path.join(root, 'missing.sys');
  const io = capturedIo();
  assert.equal(await scan([missing, disk, '--format', 'ndjson'], io), 3);
  const [refused] = lines(io.out()).filter(({ status }) => status === 'refused');
  assert.deepEqual([refused.file, refused.reason!.code], [missing, 'unreadable']);
  assert.match(io.err(), /missing\.sys was not scanned: There is no file or folder of this name\./);
});

test('A folder without drivers says so.', async () => {
  for (const format of ['text', 'json', 'csv', 'ndjson']) {
    const io = capturedIo();
    assert.equal(await scan([empty, '--format', format], io), 0);
    assert.match(io.err(), /no driver was found: .*empty has no file that matches \*\.sys/);
    if (format === 'json') assert.deepEqual(JSON.parse(io.out()), []);
  }
});

test('Without a path it is POOLTAG_DRIVERS, else the drivers folder of Windows, else nothing to scan.', async () => {
  const linux = capturedIo();
  assert.equal(await scan([], linux), 2);
  assert.match(linux.err(), /name the driver files to scan/);
  const named = capturedIo({ POOLTAG_DRIVERS: disk });
  assert.equal(await scan(['--format', 'csv'], named), 0);
  const windows = capturedIo({ SystemRoot: path.join(root, 'Windows') }, { platform: 'win32' });
  assert.equal(await scan(['--format', 'ndjson'], windows), 3);
  assert.match(lines(windows.out())[0].file, /Windows\\System32\\drivers$/);
  const wow64 = { SystemRoot: path.join(root, 'Windows'), PROCESSOR_ARCHITEW6432: 'AMD64' };
  const narrow = capturedIo(wow64, { platform: 'win32' });
  assert.equal(await scan(['--format', 'ndjson'], narrow), 3);
  assert.match(lines(narrow.out())[0].file, /Windows\\Sysnative\\drivers$/);
});

test('Bare literals are shown on request alone.', async () => {
  const kinds = async (argv: string[]) => {
    const io = capturedIo();
    await scan([...argv, samples, projectFile('test', 'drivers', 'built'), '--format', 'ndjson'], io);
    return new Set(
      lines(io.out())
        .flatMap(line => line.sightings ?? [])
        .flatMap(({ evidence }) => evidence.map(({ kind }) => kind)),
    );
  };
  assert.ok(!(await kinds([])).has('literal'));
  assert.ok((await kinds(['--all'])).has('literal'));
});

test('Each format writes its own form of the same sightings.', async () => {
  const run = async (format: string) => {
    const io = capturedIo();
    assert.equal(await scan([disk, '--format', format], io), 0);
    return io.out();
  };
  const [line] = lines(await run('ndjson'));
  const tags = line.sightings!.map(({ tag }) => tag).sort();
  assert.deepEqual(JSON.parse(await run('json'))[0].sightings, line.sightings);
  const rows = (await run('csv')).trimEnd().split('\n').slice(1);
  assert.deepEqual(rows.map(row => row.split(',')[0]).sort(), tags);
  for (const format of ['localtag', 'pooltag']) {
    const list = readTagList(await run(format), format);
    assert.deepEqual(list.entries.map(({ tag }) => tag).sort(), tags);
    assert.deepEqual([...new Set(list.entries.map(({ image }) => image))], ['sample-disk.sys']);
    assert.deepEqual(list.remarks, []);
  }
  const text = await run('text');
  for (const tag of tags) assert.match(text, new RegExp(`^ {2}${tag} {2}`, 'm'));
});

test('A pooltag list says what the lists know of the same driver.', async () => {
  const list = path.join(root, 'list.txt');
  writeFileSync(list, 'SdRq - sample-disk.sys - Requests on their way\nSdHs - other.sys - Not this one\n');
  const io = capturedIo();
  assert.equal(await scan([disk, '--format', 'pooltag', '--pooltag', list], io), 0);
  assert.match(io.out(), /^SdRq - sample-disk\.sys - Requests on their way\r$/m);
  assert.doesNotMatch(io.out(), /Not this one/);
});

test('--out leaves standard output empty and the file whole.', async () => {
  const out = path.join(root, 'tags.csv');
  writeFileSync(out, 'what stood here before');
  const io = capturedIo();
  assert.equal(await scan([disk, '--format', 'csv', '--out', out], io), 0);
  assert.equal(io.out(), '');
  assert.match(readFileSync(out, 'utf8'), /^tag,id,file,.*\nSd/);
  assert.ok(!readdirSync(root).some(name => name.startsWith('tags.csv.')));
});

test('--out to a folder or into a missing one is refused before anything is scanned.', async () => {
  for (const out of [empty, path.join(root, 'nowhere', 'tags.csv')]) {
    const io = capturedIo();
    assert.equal(await scan([disk, '--out', out], io), 3);
    assert.match(io.err(), /^pooltag: .* cannot be written: .*\n$/);
  }
  assert.ok(!existsSync(path.join(root, 'nowhere')));
});

test('Ctrl-C ends with 130, and what was found so far is written, to a file too.', async () => {
  const stopAtFirst = (io: ReturnType<typeof capturedIo>) => {
    const { write } = io.stdout;
    io.stdout.write = (text, done) => {
      if (String(text).includes('sightings')) io.stop();
      return write(text, done);
    };
    return io;
  };
  const io = stopAtFirst(capturedIo());
  assert.equal(await scan([samples, mixed, '--format', 'json'], io), 130);
  assert.equal(JSON.parse(io.out()).length, 1);
  assert.match(io.err(), /stopped after 1 file; what was found so far is written/);
  const early = capturedIo();
  early.stop();
  const out = path.join(root, 'stopped.json');
  assert.equal(await scan([samples, '--format', 'json', '--out', out], early), 130);
  assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), []);
});

test('A file name with control characters is shown harmlessly in every format of a terminal.', async () => {
  const bad = path.join(root, 'a\u001b[2J\n=b.sys');
  copyFileSync(disk, bad);
  for (const format of ['text', 'ndjson', 'json', 'csv', 'localtag']) {
    const io = capturedIo({ NO_COLOR: '1', TERM: 'dumb' }, { isTTY: true });
    assert.equal(await scan([bad, '--format', format], io), 0);
    assert.doesNotMatch(io.out().replaceAll(/\r?\n/g, ''), /\p{Cc}/u, format);
    assert.doesNotMatch(io.err().replaceAll('\n', ''), /\p{Cc}/u);
  }
});

test('On a terminal a bar shows how far the scan has come, and leaves nothing on standard output.', async () => {
  const io = capturedIo({ NO_COLOR: '1' }, { isTTY: true });
  assert.equal(await scan([samples, '--format', 'csv'], io), 0);
  assert.doesNotMatch(io.out(), /scanning/);
});

test('What a scan gave is kept in the cache folder, and used again unless it is switched off.', async () => {
  const cache = path.join(root, 'cache');
  const out = async (...argv: string[]) => {
    const io = capturedIo();
    assert.equal(await scan([samples, '--format', 'csv', ...argv], io), 0);
    assert.doesNotMatch(io.err(), /cache/);
    return io.out().split('\n').sort();
  };
  const without = await out('--cache', cache, '--no-cache');
  assert.ok(!existsSync(cache));
  assert.deepEqual(await out('--cache', cache), without);
  assert.equal(
    readdirSync(path.join(cache, 'scans'), { recursive: true }).filter(name => String(name).length > 60)
      .length,
    3,
  );
  assert.deepEqual(await out('--cache', cache), without);
});

test('A cache folder that cannot be written is a remark.', async () => {
  const io = capturedIo({ POOLTAG_CACHE: path.join(mixed, 'notes.sys') });
  assert.equal(await scan([disk, '--format', 'csv'], io), 0);
  assert.match(
    io.err(),
    /^pooltag: The cache folder .* cannot be written, .*\npooltag: \d+ tags in 1 driver\.\n$/,
  );
});

/** A Windows disk as another system mounts it. */
function mountedDisk(): string {
  const mounted = mkdtempSync(path.join(root, 'c-'));
  const place = (file: string, from: string) => {
    mkdirSync(path.dirname(path.join(mounted, file)), { recursive: true });
    copyFileSync(path.join(samples, from), path.join(mounted, file));
  };
  place('Windows/System32/drivers/sample-disk.sys', 'sample-disk.sys');
  place('Windows/System32/ntoskrnl.exe', 'sample-net.sys');
  place('Windows/System32/DriverStore/FileRepository/x_1/sample-disk.sys', 'sample-disk.sys');
  place('Program Files/Vendor/files.sys', 'sample-files.sys');
  return mounted;
}

test('--all-drivers looks into every place of a mounted Windows, and a copy is not shown again.', async () => {
  const mounted = mountedDisk();
  for (const [argv, env] of [
    [['--all-drivers', mounted], {}],
    [['--all-drivers', path.join(mounted, 'Windows')], {}],
    [['--all-drivers'], { SystemRoot: path.join(mounted, 'Windows') }],
  ] as const) {
    const io = capturedIo(env);
    assert.equal(await scan([...argv, '--format', 'ndjson'], io), 0);
    const found = lines(io.out()).map(({ file }) => path.relative(mounted, file).replaceAll('\\', '/'));
    assert.deepEqual(found.sort(), [
      'Program Files/Vendor/files.sys',
      'Windows/System32/DriverStore/FileRepository/x_1/sample-disk.sys',
      'Windows/System32/drivers/sample-disk.sys',
      'Windows/System32/ntoskrnl.exe',
    ]);
    assert.match(io.err(), /in 3 drivers; 1 file found again in another folder\.\n$/);
  }
  const io = capturedIo();
  assert.equal(await scan(['--all-drivers', mounted], io), 0);
  assert.match(io.out(), /^sample-disk\.sys {2}the same file as .*sample-disk\.sys$/m);
  assert.equal(io.out().match(/^ {2}SdRq /gm)?.length, 1);
});

test('--all-drivers without a Windows to look at is one sentence.', async () => {
  for (const [argv, words] of [
    [['--all-drivers'], /does not run Windows: name the Windows folder of a mounted disk/],
    [['--all-drivers', empty], /there is no System32 in it/],
    [['--all-drivers', path.join(root, 'nowhere')], /there is no System32 in it/],
  ] as const) {
    const io = capturedIo();
    assert.equal(await scan([...argv], io), 2);
    assert.match(io.err(), words);
    assert.match(io.err(), /^pooltag: .*\n$/);
  }
});

test('Paths may be named beside --all-drivers.', async () => {
  const io = capturedIo();
  const mounted = mountedDisk();
  assert.equal(
    await scan([path.join(mixed, 'driver.bin'), '--all-drivers', mounted, '--format', 'ndjson'], io),
    0,
  );
  assert.equal(lines(io.out()).length, 5);
});
