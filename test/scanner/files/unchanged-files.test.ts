/** What was scanned before and has not changed is not read again; whatever may have changed is. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ScanOutcome } from '../../../data/facts.ts';
import { projectFile } from '../../../data/project-files.ts';
import { ScanCache } from '../../../scanner/cache/scan-cache.ts';
import { scanFiles } from '../../../scanner/driver-files.ts';
import { readDriverFile } from '../../../scanner/files/file-bytes.ts';
import type { ListedFile } from '../../../scanner/files/file-list.ts';
import { fileState, fileStateAt, isSettled } from '../../../scanner/files/file-state.ts';
import { SymbolFiles } from '../../../scanner/files/symbol-files.ts';
import { unchangedFiles } from '../../../scanner/files/unchanged-files.ts';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooltag-unchanged-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** No scan gives it, so that whoever has it has not read the file. */
function keptOutcome(fileName: string): ScanOutcome {
  return { status: 'refused', fileName, reason: { code: 'empty', message: 'Kept.' } };
}

interface Known {
  cache: ScanCache;
  path: string;
  file: ListedFile;
}

/** A file that the cache knows, and the outcome for it. */
async function knownFile(t: TestContext, isNamed = false): Promise<Known> {
  const folder = newFolder(t);
  const path = join(folder, 'a.sys');
  writeFileSync(path, 'some bytes');
  const cache = new ScanCache(join(folder, 'cache'));
  cache.noteFile((await fileStateAt(path, false)) ?? assert.fail('no state'), 'a'.repeat(64));
  cache.keep({ sha256: 'a'.repeat(64), fileName: 'a.sys' }, keptOutcome('a.sys'));
  return { cache, path, file: { path, isNamed } };
}

async function lookUp(
  { cache }: Known,
  files: ListedFile[],
  symbolFiles = new SymbolFiles([]),
  options: Parameters<typeof unchangedFiles>[3] = {},
): Promise<{ kept: [string, ScanOutcome][]; changed: ListedFile[] }> {
  const kept: [string, ScanOutcome][] = [];
  const looking = unchangedFiles(files, cache, symbolFiles, options);
  for (let step = await looking.next(); ; step = await looking.next()) {
    if (step.done) return { kept, changed: step.value };
    kept.push([step.value.file, step.value.outcome]);
  }
}

test('The outcome for a file that has not changed comes from the cache, the file unread', async t => {
  const known = await knownFile(t);
  const { path, file } = known;
  assert.deepEqual(await lookUp(known, [file]), { kept: [[path, keptOutcome('a.sys')]], changed: [] });
});

// what has happened to the file since
const CHANGES: [string, (path: string) => void][] = [
  [
    'written to, its size and dates as before',
    path => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, 'same bytes');
      utimesSync(path, atime, mtime);
    },
  ],
  ['made longer', path => appendFileSync(path, '!')],
  ['touched', path => utimesSync(path, 0, 0)],
  [
    'replaced by a copy with the same dates',
    path => {
      const { atime, mtime } = statSync(path);
      copyFileSync(path, `${path}.new`);
      utimesSync(`${path}.new`, atime, mtime);
      renameSync(`${path}.new`, path);
    },
  ],
  ['removed', path => rmSync(path)],
  [
    'replaced by a folder',
    path => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'replaced by a link to it',
    path => {
      renameSync(path, `${path}.old`);
      symlinkSync(`${path}.old`, path);
    },
  ],
];
for (const [what, change] of CHANGES) {
  test(`A file that was ${what} is read`, async t => {
    const known = await knownFile(t);
    await delay(20); // a clock of the system may tick no more often than this
    change(known.path);
    assert.deepEqual(await lookUp(known, [known.file]), { kept: [], changed: [known.file] });
  });
}

test('Under another name a file is read: the default tag of KMDF comes from the name', async t => {
  const known = await knownFile(t);
  const path = join(known.path, '..', 'b.sys');
  linkSync(known.path, path);
  assert.deepEqual(await lookUp(known, [{ path, isNamed: false }]), {
    kept: [],
    changed: [{ path, isNamed: false }],
  });
});

test('A file with a problem, and one beside which a PDB lies or symbols are asked for, is left to be read', async t => {
  const known = await knownFile(t);
  const { path, file } = known;
  const problem: ListedFile = { path, isNamed: true, problem: { code: 'unreadable', message: 'No.' } };
  assert.deepEqual((await lookUp(known, [problem])).changed, [problem]);
  const withSymbols = new SymbolFiles([join(path, '..', 'symbols')]);
  assert.deepEqual((await lookUp(known, [file], withSymbols)).changed, [file]);
  writeFileSync(join(path, '..', 'other.pdb'), '');
  assert.deepEqual((await lookUp(known, [file])).changed, [file]);
});

test('A disk that does not say what its files are is left to the workers, once it has been waited for', async t => {
  const known = await knownFile(t);
  const { path, file } = known;
  const gone = { path: '/nowhere/hangs.sys', isNamed: false };
  const files = [gone, file, ...Array<ListedFile>(100).fill(gone), file];
  let asked = 0;
  const { kept, changed } = await lookUp(known, files, undefined, {
    patienceMs: 200,
    stateAt: async (at, isNamed) => {
      asked++;
      return at === path ? await fileStateAt(at, isNamed) : await new Promise<undefined>(() => {});
    },
  });
  assert.equal(kept.length, 1);
  assert.deepEqual(changed, [gone, ...files.slice(2)]);
  assert.ok(asked < 100);
});

test('Who takes the outcomes slowly has them from the cache all the same', async t => {
  const known = await knownFile(t);
  const files = Array<ListedFile>(100).fill(known.file);
  const looking = unchangedFiles(files, known.cache, new SymbolFiles([]), { patienceMs: 300 });
  let count = 0;
  for (let step = await looking.next(); !step.done; step = await looking.next()) {
    if (count++ % 40 === 0) await delay(350);
  }
  assert.equal(count, 100);
});

test('A signal ends the look-up', async t => {
  const known = await knownFile(t);
  const signal = AbortSignal.abort();
  assert.deepEqual(await lookUp(known, [known.file], undefined, { signal }), { kept: [], changed: [] });
});

test('A state is kept only once the clock of the coarsest disk has moved on', async t => {
  const path = join(newFolder(t), 'new.sys');
  writeFileSync(path, 'MZ');
  utimesSync(path, 0, 0); // the time of change is now all the same
  const fresh = await readDriverFile(path, false);
  assert.ok('bytes' in fresh);
  assert.equal(fresh.state, undefined);
  const stats = statSync(path, { bigint: true });
  assert.equal(isSettled(stats, Number(stats.ctimeMs) + 2000), false);
  assert.equal(isSettled(stats, Number(stats.ctimeMs) + 2001), true);
  assert.equal(isSettled(stats, Number(stats.ctimeMs) - 5000), false);
});

test('On a file system that gives its files no numbers no file is known again', async t => {
  const path = join(newFolder(t), 'a.sys');
  writeFileSync(path, 'MZ');
  const stats = statSync(path, { bigint: true });
  assert.equal(fileState(stats), await fileStateAt(path, false));
  assert.notEqual(fileState(stats), undefined);
  assert.equal(fileState(Object.assign(stats, { ino: 0n })), undefined);
});

test('Scanned again, a driver that changed under its old dates shows what it holds now', async t => {
  const folder = newFolder(t);
  const path = join(folder, 'driver.sys');
  const cacheFolder = join(folder, 'cache');
  const samples = projectFile('data', 'samples');
  copyFileSync(join(samples, 'sample-disk.sys'), path);
  const { atime, mtime } = statSync(path);
  await delay(2100); // from then on its state is settled
  const scan = async () => {
    for await (const { outcome } of scanFiles({ paths: [path], cacheFolder })) return outcome;
    return assert.fail('nothing was scanned');
  };
  const first = await scan();
  assert.ok(first.status === 'scanned' && first.sightings.length > 0);
  const known = new ScanCache(cacheFolder).findUnread((await fileStateAt(path, true)) ?? '', 'driver.sys');
  assert.deepEqual(known, first);
  assert.deepEqual(await scan(), first);
  copyFileSync(join(samples, 'sample-files.sys'), path);
  utimesSync(path, atime, mtime);
  const second = await scan();
  assert.ok(second.status === 'scanned');
  assert.notEqual(second.driver.sha256, first.driver.sha256);
});
