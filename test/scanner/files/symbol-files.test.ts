/** Which PDB is taken for a driver, from where, and what is said of those that are not. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { SymbolFiles } from '../../../scanner/files/symbol-files.ts';
import { PublicSymbols } from '../../../scanner/pdb/public-symbols.ts';
import { tinyPdb } from '../pdb/tiny-pdb.ts';
import { tinyImage } from '../pe/tiny-image.ts';

const built = (extension: string) =>
  readFileSync(projectFile('test', 'drivers', 'symbols', 'x64', `named-sites.${extension}`));
const DRIVER = built('sys');
const PDB = built('pdb');
const ID = '6C6F6F7061742D6773796D626F6C73211';
/** The same PDB, as of another build. */
const OTHER_PDB = Buffer.from(
  PDB.toString('latin1').replaceAll('pooltag-symbols!', 'pooltag-symbols?'),
  'latin1',
);

/** A folder with these files; a text is the target of a link. */
function folderOf(t: TestContext, files: Record<string, Uint8Array | string>): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'pooltag-symbols-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === 'string') symlinkSync(content, file);
    else writeFileSync(file, content);
  }
  return root;
}

async function search(
  root: string,
  {
    folders = [] as string[],
    driver = DRIVER as Uint8Array,
    name = 'drivers/named-sites.sys',
    isNamed = false,
  } = {},
) {
  const files = new SymbolFiles(folders.map(folder => path.join(root, folder)));
  const { found, remarks } = await files.find({ path: path.join(root, name), isNamed }, driver);
  return { found: found && path.relative(root, found.path).replaceAll('\\', '/'), id: found?.id, remarks };
}

// place of the PDB, the folders named, reason
const FOUND: [place: string, folders: string[], name: string, why: string][] = [
  ['drivers/named-sites.pdb', [], 'drivers/named-sites.sys', 'beside the driver'],
  [
    'drivers/Renamed.pdb',
    [],
    'drivers/Renamed.sys',
    "beside a driver that was renamed, under the driver's name",
  ],
  ['symbols/named-sites.pdb', ['symbols'], 'drivers/named-sites.sys', 'in a folder'],
  ['symbols/renamed.pdb', ['none', 'symbols'], 'drivers/renamed.sys', 'in the second folder'],
  [`store/named-sites.pdb/${ID}/named-sites.pdb`, ['store'], 'a/b.sys', 'in a symbol store'],
  [`store/na/named-sites.pdb/${ID}/named-sites.pdb`, ['store'], 'a/b.sys', 'in a store of two tiers'],
  [
    `store/NAMED-SITES.PDB/${ID.toLowerCase()}/Named-Sites.pdb`,
    ['store'],
    'a/b.sys',
    'in another letter case',
  ],
  ['drivers/NAMED-SITES.PDB', [], 'drivers/named-sites.sys', 'beside the driver in capitals'],
];
for (const [place, folders, name, why] of FOUND) {
  test(`A PDB is found ${why}`, async t => {
    const root = folderOf(t, { [place]: PDB });
    const { found, id, remarks } = await search(root, { folders, name });
    assert.equal(found?.toLowerCase(), place.toLowerCase());
    assert.equal(id, ID);
    assert.deepEqual(remarks, []);
  });
}

test('A PDB of another build is not used, and the remark says whose it is', async t => {
  const { found, remarks } = await search(folderOf(t, { 'drivers/named-sites.pdb': OTHER_PDB }));
  assert.equal(found, null);
  assert.deepEqual(remarks, [
    'named-sites.pdb beside the driver was not used: it belongs to another build ' +
      `(6C6F6F7061742D6773796D626F6C733F1, where the driver asks for ${ID}).`,
  ]);
});

test('A PDB of this build further on makes the one of another build no matter', async t => {
  const root = folderOf(t, { 'drivers/named-sites.pdb': OTHER_PDB, 'symbols/named-sites.pdb': PDB });
  const { found, remarks } = await search(root, { folders: ['symbols'] });
  assert.equal(found, 'symbols/named-sites.pdb');
  assert.deepEqual(remarks, []);
});

test('A file that is no PDB, and one that is cut short, are remarks', async t => {
  const root = folderOf(t, {
    'drivers/named-sites.pdb': Buffer.from('no symbols here'),
    'symbols/named-sites.pdb': PDB.subarray(0, 5000),
  });
  const { found, remarks } = await search(root, { folders: ['symbols'] });
  assert.equal(found, null);
  assert.match(remarks[0], /^named-sites\.pdb beside the driver cannot be used: it is no PDB.*\.$/);
  assert.match(remarks[1], /^named-sites\.pdb in a symbols folder cannot be used: it is cut short\.$/);
});

test('A driver that names no PDB gets none, not even one with its own name', async t => {
  const root = folderOf(t, { 'drivers/plain.pdb': PDB });
  const { found, remarks } = await search(root, {
    name: 'drivers/plain.sys',
    driver: tinyImage({ arch: 'x64' }),
  });
  assert.equal(found, null);
  assert.match(remarks.join(), /does not say which PDB is its own/);
});

test('A file that is no driver, and a folder without a PDB, say nothing', async t => {
  const root = folderOf(t, { 'drivers/other.pdb': PDB, 'empty/readme.txt': PDB });
  assert.deepEqual((await search(root, { driver: Buffer.from('MZ') })).remarks, []);
  assert.deepEqual(await search(root, { name: 'empty/named-sites.sys' }), {
    found: null,
    id: undefined,
    remarks: [],
  });
  assert.deepEqual((await search(root, { folders: ['nowhere'], name: 'gone/x.sys' })).remarks, []);
});

test('The name that a driver gives leads nowhere but into the folder', async t => {
  const root = folderOf(t, { 'secret.pdb': PDB, 'drivers/a.pdb': PDB, 'symbols/x.txt': PDB });
  for (const pdbPath of ['..', '.', '..\\secret.pdb', '../secret.pdb', 'C:secret.pdb', 'a\0.pdb', '*.pdb']) {
    const driver = tinyImage({ arch: 'x64', pdbPath });
    const { found, remarks } = await search(root, { driver, folders: ['symbols'], name: 'drivers/b.sys' });
    assert.equal(found, null, pdbPath);
    assert.deepEqual(remarks, [], pdbPath);
  }
});

test('A link beside a driver is followed only where the driver was named, one in a symbols folder always', async t => {
  const root = folderOf(t, { 'real/x.pdb': PDB, 'drivers/named-sites.pdb': '../real/x.pdb' });
  assert.equal((await search(root)).found, process.platform === 'win32' ? 'drivers/named-sites.pdb' : null);
  assert.equal((await search(root, { isNamed: true })).found, 'drivers/named-sites.pdb');
  assert.equal(
    (await search(root, { folders: ['drivers'], name: 'x/y.sys' })).found,
    'drivers/named-sites.pdb',
  );
});

test('A folder or a pipe with the name of a PDB is passed over without waiting', async t => {
  const root = folderOf(t, { 'drivers/named-sites.pdb/x': PDB, 'symbols/a.pdb': PDB });
  if (process.platform !== 'win32') execFileSync('mkfifo', [path.join(root, 'symbols', 'named-sites.pdb')]);
  assert.deepEqual(await search(root, { folders: ['symbols'] }), { found: null, id: undefined, remarks: [] });
});

test('The symbols of a PDB that was found are read, and one that has changed since is a remark', async t => {
  const root = folderOf(t, { 'drivers/named-sites.pdb': PDB });
  const files = new SymbolFiles([]);
  const { found } = await files.find(
    { path: path.join(root, 'drivers', 'named-sites.sys'), isNamed: false },
    DRIVER,
  );
  assert.ok(found !== null);
  assert.ok((await files.read(found)) instanceof PublicSymbols);
  const begins = 'named-sites.pdb belongs to this driver but cannot be used: ';
  writeFileSync(found.path, OTHER_PDB);
  assert.equal(await files.read(found), `${begins}it changed while it was read.`);
  rmSync(found.path);
  assert.equal(await files.read(found), `${begins}it is gone.`);
});

test('A PDB without public symbols says so', async t => {
  const guid = 'pooltag-symbols!';
  const root = folderOf(t, { 'drivers/named-sites.pdb': tinyPdb({ guid }) });
  const files = new SymbolFiles([]);
  const { found } = await files.find(
    { path: path.join(root, 'drivers', 'named-sites.sys'), isNamed: false },
    DRIVER,
  );
  assert.ok(found !== null);
  assert.match(String(await files.read(found)), /cannot be used: it holds no symbols\.$/);
});
