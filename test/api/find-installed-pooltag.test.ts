import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { findInstalledPooltag } from '../../api/find-installed-pooltag.ts';

const drive = mkdtempSync(path.join(os.tmpdir(), 'pooltag-drive-'));
after(() => rmSync(drive, { recursive: true }));

function install(...segments: string[]): string {
  const file = path.join(drive, ...segments);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, 'Thre - nt!ps - Thread objects\n');
  return file;
}

const env = {
  'ProgramFiles(x86)': path.join(drive, 'Program Files (x86)'),
  ProgramFiles: path.join(drive, 'Program Files'),
  ProgramW6432: path.join(drive, 'Program Files'),
  SystemDrive: drive,
};

test('Every documented place is found once, the newest kit and x64 first.', async () => {
  const old = install('WinDDK', '7600.16385.1', 'tools', 'other', 'i386', 'pooltag.txt');
  const debuggers = install('Program Files', 'Debugging Tools for Windows (x64)', 'triage', 'pooltag.txt');
  const x86 = install(
    'Program Files (x86)',
    'Windows Kits',
    '10',
    'Debuggers',
    'x86',
    'triage',
    'pooltag.txt',
  );
  const x64 = install(
    'Program Files (x86)',
    'Windows Kits',
    '10',
    'Debuggers',
    'x64',
    'triage',
    'Pooltag.txt',
  );
  const older = install(
    'Program Files (x86)',
    'Windows Kits',
    '8.1',
    'Debuggers',
    'x64',
    'triage',
    'pooltag.txt',
  );
  const tools = install('Program Files (x86)', 'Windows Kits', '10', 'Tools', 'x64', 'pooltag.txt');
  install('Program Files', 'Elsewhere', 'pooltag.txt');
  assert.deepEqual(await findInstalledPooltag(env), [x64, x86, older, tools, debuggers, old]);
});

test('A machine without these folders or variables has none.', async () => {
  assert.deepEqual(await findInstalledPooltag({}), []);
  assert.deepEqual(await findInstalledPooltag({ ProgramFiles: path.join(drive, 'missing') }), []);
});
