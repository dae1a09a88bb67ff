/** Where --all-drivers looks, on a disk as Windows lays it out and as another system mounts it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import test, { type TestContext } from 'node:test';
import { listDriverFiles } from '../../../scanner/files/file-list.ts';
import { allDriverFolders, windowsFolderAt } from '../../../scanner/files/windows-folders.ts';

function disk(t: TestContext, files: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'pooltag-disk-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), file);
  }
  return root;
}

async function found(root: string, windows: string, options = {}): Promise<string[]> {
  const files = await listDriverFiles(allDriverFolders(join(root, windows), options));
  return files.map(({ path }) => relative(root, path).replaceAll('\\', '/'));
}

test('The usual places come first, System32 itself is not searched below, and archives are not opened', async t => {
  const root = disk(t, [
    'Windows/System32/drivers/a.sys',
    'Windows/System32/drivers/wd/b.sys',
    'Windows/System32/drivers/c.dll',
    'Windows/System32/ntoskrnl.exe',
    'Windows/System32/HAL.DLL',
    'Windows/System32/win32kfull.sys',
    'Windows/System32/notepad.exe',
    'Windows/System32/kernel32.dll',
    'Windows/System32/other/deep.sys',
    'Windows/System32/DriverStore/FileRepository/a.inf_amd64_1/a.sys',
    'Windows/System32/DriverStore/drvstore.sys',
    'Program Files/Vendor/x/v.SYS',
    'Program Files/Vendor/x/v.zip',
    'Program Files (x86)/Vendor/w.sys',
    'ProgramData/Vendor/p.sys',
    'Users/me/mine.sys',
  ]);
  assert.deepEqual(await found(root, 'Windows'), [
    'Windows/System32/drivers/a.sys',
    'Windows/System32/drivers/wd/b.sys',
    'Windows/System32/HAL.DLL',
    'Windows/System32/ntoskrnl.exe',
    'Windows/System32/win32kfull.sys',
    'Windows/System32/DriverStore/FileRepository/a.inf_amd64_1/a.sys',
    'Program Files/Vendor/x/v.SYS',
    'Program Files (x86)/Vendor/w.sys',
    'ProgramData/Vendor/p.sys',
  ]);
});

test('A disk that tells letter case apart is searched as Windows wrote it', async t => {
  const root = disk(t, ['WINDOWS/system32/DRIVERS/a.sys', 'PROGRAMDATA/b.sys', 'WINDOWS/system32/hal.dll']);
  assert.equal(windowsFolderAt(root), join(root, 'WINDOWS'));
  assert.equal(windowsFolderAt(join(root, 'WINDOWS')), join(root, 'WINDOWS'));
  assert.deepEqual(await found(root, 'WINDOWS'), [
    'WINDOWS/system32/DRIVERS/a.sys',
    'WINDOWS/system32/hal.dll',
    'PROGRAMDATA/b.sys',
  ]);
});

test('A folder without System32 is no Windows folder', t => {
  const root = disk(t, ['Windows/notes.txt', 'x/System32']);
  assert.equal(windowsFolderAt(root), null);
  assert.equal(windowsFolderAt(join(root, 'x')), null);
  assert.equal(windowsFolderAt(join(root, 'missing')), null);
});

test('A 32-bit process looks into Sysnative, and further folders of programs are searched once', async t => {
  const root = disk(t, [
    'Windows/System32/drivers/empty.sys',
    'Windows/Sysnative/drivers/a.sys',
    'Programs/v.sys',
    'Program Files/w.sys',
  ]);
  const moreFolders = [join(root, 'Programs'), join(root, 'program files'), join(root, 'missing')];
  assert.deepEqual(await found(root, 'Windows', { system32: 'Sysnative', moreFolders }), [
    'Windows/Sysnative/drivers/a.sys',
    'Program Files/w.sys',
    'Programs/v.sys',
  ]);
});

if (process.platform !== 'win32') {
  test('Links below are not followed, and what two places show is listed once', async t => {
    const root = disk(t, ['Windows/System32/drivers/a.sys', 'Program Files/b.sys']);
    symlinkSync(join(root, 'Windows'), join(root, 'Program Files', 'all'));
    symlinkSync(join(root, 'Program Files'), join(root, 'ProgramData'));
    assert.deepEqual(await found(root, 'Windows'), ['Windows/System32/drivers/a.sys', 'Program Files/b.sys']);
  });
}
