/** What scans gave is found again as it was, and whatever else lies in the folder is as good as nothing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { entryText, readEntry } from '../../../scanner/cache/cached-outcome.ts';
import { pruneFolder } from '../../../scanner/cache/prune-folder.ts';
import { ScanCache, type ScanInputs } from '../../../scanner/cache/scan-cache.ts';
import { scanDriverFile } from '../../../scanner/files/scan-driver-file.ts';
import { scanDriver } from '../../../scanner/scan-driver.ts';

const driverBytes = new Uint8Array(readFileSync(projectFile('data', 'samples', 'sample-disk.sys')));
const INPUTS: ScanInputs = {
  sha256: createHash('sha256').update(driverBytes).digest('hex'),
  fileName: 'sample-disk.sys',
};
const OUTCOME = scanDriver(driverBytes, { sha256: INPUTS.sha256, fileName: INPUTS.fileName });
/** What its entry takes of a disk, in blocks. */
const OUTCOME_BYTES = Math.ceil(entryText('c'.repeat(64), OUTCOME).length / 4096) * 4096;

function cacheFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooltag-cache-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The files of the cache, without folders. */
function entries(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}

test('An outcome is found again exactly as it was, by another cache of the same folder too', t => {
  const folder = cacheFolder(t);
  const cache = new ScanCache(folder);
  assert.equal(cache.find(INPUTS), undefined);
  cache.keep(INPUTS, OUTCOME);
  assert.deepEqual(cache.find(INPUTS), OUTCOME);
  assert.deepEqual(new ScanCache(folder).find(INPUTS), OUTCOME);
  assert.equal(entries(folder).length, 1);
  const refused = {
    status: 'refused',
    fileName: 'a.sys',
    reason: { code: 'not-a-pe', message: 'No.' },
  } as const;
  cache.keep({ ...INPUTS, sha256: 'b' }, refused);
  assert.deepEqual(cache.find({ ...INPUTS, sha256: 'b' }), refused);
});

test('All that an outcome depends on has a part in its key', t => {
  const folder = cacheFolder(t);
  const cache = new ScanCache(folder, { version: '1' });
  cache.keep(INPUTS, OUTCOME);
  assert.ok(cache.find(INPUTS));
  const others: ScanInputs[] = [
    { ...INPUTS, sha256: INPUTS.sha256.replace(/^./, digit => (digit === '0' ? '1' : '0')) },
    { ...INPUTS, fileName: 'Sample-disk.sys' },
    { ...INPUTS, symbols: 'ABC1' },
    { sha256: `${INPUTS.sha256}sample`, fileName: '-disk.sys' },
  ];
  for (const other of others) assert.equal(cache.find(other), undefined);
  assert.equal(new ScanCache(folder, { version: '2' }).find(INPUTS), undefined);
});

// name, what becomes of an entry's text
const DAMAGES: [string, (text: string) => string | Buffer][] = [
  ['empty', () => ''],
  ['cut in its first line', text => text.slice(0, 40)],
  ['cut in its outcome', text => text.slice(0, -1)],
  ['longer by a byte', text => `${text} `],
  ['of another program', () => '{"status":"scanned"}'],
  ['binary', () => Buffer.alloc(5000, 0xff)],
  ['with one character changed', text => text.replace('SdRq', 'SdRr')],
  ['the entry of another key', text => text.replace(/ [0-9a-f]{64}/, ` ${'0'.repeat(64)}`)],
];
for (const [what, damage] of DAMAGES) {
  test(`An entry that is ${what} is ignored and written anew`, t => {
    const folder = cacheFolder(t);
    const cache = new ScanCache(folder);
    cache.keep(INPUTS, OUTCOME);
    const [entry] = entries(folder);
    writeFileSync(entry, damage(readFileSync(entry, 'utf8')));
    assert.equal(cache.find(INPUTS), undefined);
    cache.keep(INPUTS, OUTCOME);
    assert.deepEqual(cache.find(INPUTS), OUTCOME);
    assert.equal(cache.problem, undefined);
  });
}

const KEY = 'c'.repeat(64);
test('Whatever a scan can say has the shape of an outcome', async () => {
  const built = projectFile('test', 'drivers', 'built');
  const names = readdirSync(built).filter(name => name.endsWith('.sys'));
  assert.ok(names.length > 100);
  for (const name of names) {
    const outcome = await scanDriverFile({ path: join(built, name), isNamed: false });
    assert.deepEqual(readEntry(KEY, entryText(KEY, outcome)), JSON.parse(JSON.stringify(outcome)), name);
  }
});

const scanned = OUTCOME as Extract<typeof OUTCOME, { status: 'scanned' }>;
// What is JSON with a right digest, and no outcome.
const WRONG_SHAPES: unknown[] = [
  null,
  [],
  'scanned',
  {},
  { status: 'scanned' },
  { status: 'refused', fileName: 'a.sys' },
  { ...scanned, driver: null },
  { ...scanned, driver: { ...scanned.driver, fileName: 7 } },
  { ...scanned, driver: { ...scanned.driver, arch: 'mips' } },
  { ...scanned, driver: { ...scanned.driver, company: {} } },
  { ...scanned, driver: { ...scanned.driver, imports: 'all' } },
  { ...scanned, sightings: {} },
  { ...scanned, sightings: [{ ...scanned.sightings[0], tag: 'toolong' }] },
  { ...scanned, sightings: [{ ...scanned.sightings[0], evidence: [{ kind: '__proto__' }] }] },
  { ...scanned, sightings: [{ ...scanned.sightings[0], evidence: [{ kind: 'literal', rva: '1' }] }] },
  { ...scanned, remarks: [1] },
  { ...scanned, partial: 'no' },
];
test('JSON that is no outcome is ignored, even with a right digest', () => {
  assert.deepEqual(readEntry(KEY, entryText(KEY, OUTCOME)), OUTCOME);
  for (const shape of WRONG_SHAPES) {
    assert.equal(
      readEntry(KEY, entryText(KEY, shape as never)),
      undefined,
      JSON.stringify(shape)?.slice(0, 60),
    );
  }
});

test('A folder in the place of an entry is left alone', t => {
  const folder = cacheFolder(t);
  const cache = new ScanCache(folder);
  cache.keep(INPUTS, OUTCOME);
  const [entry] = entries(folder);
  rmSync(entry);
  mkdirSync(entry);
  assert.equal(cache.find(INPUTS), undefined);
  cache.keep(INPUTS, OUTCOME);
  assert.ok(statSync(entry).isDirectory());
  assert.deepEqual(entries(folder), []);
});

if (process.platform !== 'win32') {
  test('A link in the place of an entry is not followed, and is replaced, not written through', t => {
    const folder = cacheFolder(t);
    const cache = new ScanCache(folder);
    cache.keep(INPUTS, OUTCOME);
    const [entry] = entries(folder);
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, readFileSync(entry));
    rmSync(entry);
    symlinkSync(elsewhere, entry);
    assert.equal(cache.find(INPUTS), undefined);
    writeFileSync(elsewhere, 'mine');
    cache.keep(INPUTS, OUTCOME);
    assert.deepEqual(cache.find(INPUTS), OUTCOME);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'mine');
  });
}

test('A folder that cannot be written is one sentence, and reading goes on', t => {
  const folder = cacheFolder(t);
  writeFileSync(join(folder, 'scans'), 'a file where the folder should be');
  const cache = new ScanCache(folder);
  assert.equal(cache.problem, undefined);
  cache.keep(INPUTS, OUTCOME);
  assert.match(cache.problem ?? '', /^The cache folder .* cannot be written, .*: .*\.$/);
  assert.equal(cache.find(INPUTS), undefined);
});

test('A folder that may be read alone gives what it holds', t => {
  const folder = cacheFolder(t);
  new ScanCache(folder).keep(INPUTS, OUTCOME);
  const [entry] = entries(folder);
  utimesSync(entry, 1000, 1000);
  chmodSync(join(entry, '..'), 0o555);
  try {
    assert.deepEqual(new ScanCache(folder).find(INPUTS), OUTCOME);
  } finally {
    chmodSync(join(entry, '..'), 0o755);
  }
});

/** Inputs whose keys fall everywhere, the folders that are pruned among them. */
function manyInputs(count: number): ScanInputs[] {
  return Array.from({ length: count }, (_, index) => ({ ...INPUTS, fileName: `${index}.sys` }));
}

test('The folder stays within its bound', t => {
  const folder = cacheFolder(t);
  const small = { status: 'refused', fileName: 'a', reason: { code: 'empty', message: 'x' } } as const;
  // 16 folders with room for 16 small files each.
  const cache = new ScanCache(folder, { version: '1', maxFolderBytes: 16 * 4096 });
  const inputs = manyInputs(4000);
  for (const one of inputs) cache.keep(one, small);
  // One entry in 256 prunes: a folder that was not pruned for long holds the most.
  assert.ok(entries(folder).length < 3500, `${entries(folder).length} entries are left`);
  assert.deepEqual(cache.find(inputs[3999]), small);
});

test('What was used longest ago goes first, and being found is a use', t => {
  const folder = cacheFolder(t);
  const cache = new ScanCache(folder);
  cache.keep(INPUTS, OUTCOME);
  const [entry] = entries(folder);
  const place = join(entry, '..');
  utimesSync(entry, 1000, 1000);
  const others = ['1', '2', '3', '4'].map(digit => join(place, digit.repeat(64)));
  for (const [index, path] of others.entries()) {
    writeFileSync(path, 'x');
    utimesSync(path, 2000 + index, 2000 + index);
  }
  assert.deepEqual(cache.find(INPUTS), OUTCOME);
  pruneFolder(place, 4 * 4096 + OUTCOME_BYTES);
  assert.deepEqual(entries(folder).sort(), [entry, ...others].sort(), 'within the bound nothing goes');
  pruneFolder(place, 2 * 4096 + OUTCOME_BYTES);
  const left = entries(folder);
  assert.ok(left.includes(entry));
  assert.deepEqual(
    others.filter(path => !left.includes(path)),
    others.slice(0, others.length + 1 - left.length),
  );
  assert.ok(left.length < 4);
});

test('Pruning takes the drafts of processes that were ended, and never what is not its own', t => {
  const folder = cacheFolder(t);
  const cache = new ScanCache(folder, { version: '1', maxFolderBytes: 0 });
  for (let digit = 0; digit < 16; digit++) {
    const place = join(folder, 'scans', digit.toString(16));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'notes.txt'), 'mine');
    const draft = join(place, `${'d'.repeat(64)}.1-0-0.tmp`);
    writeFileSync(draft, 'half an entry');
    utimesSync(draft, 1_000_000, 1_000_000);
  }
  for (const one of manyInputs(1500)) cache.keep(one, OUTCOME);
  const left = entries(folder);
  assert.equal(left.filter(path => path.endsWith('notes.txt')).length, 16);
  assert.ok(left.filter(path => path.endsWith('.1-0-0.tmp')).length < 16);
});

test('Nothing is created before there is something to keep', t => {
  const folder = join(cacheFolder(t), 'not', 'yet');
  const cache = new ScanCache(folder);
  assert.equal(cache.find(INPUTS), undefined);
  assert.ok(!existsSync(folder));
  cache.keep(INPUTS, OUTCOME);
  assert.deepEqual(cache.find(INPUTS), OUTCOME);
});
