/** `pooltag scan` with PDBs: names in every format that has room for them, and nothing kept for the wrong symbols. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { scan } from '../../../api/commands/scan.ts';
import { projectFile } from '../../../data/project-files.ts';
import { capturedIo } from './captured-io.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'pooltag-scan-symbols-'));
after(() => rmSync(root, { recursive: true }));
const built = (name: string) => projectFile('test', 'drivers', 'symbols', 'x64', name);
/** A driver without its PDB, and a folder that has it. */
const lone = path.join(root, 'lone', 'named-sites.sys');
const symbols = path.join(root, 'symbols');
mkdirSync(path.dirname(lone));
mkdirSync(symbols);
copyFileSync(built('named-sites.sys'), lone);
copyFileSync(built('named-sites.pdb'), path.join(symbols, 'named-sites.pdb'));

interface Evidence {
  symbol?: string;
  wrapperSymbols?: string[];
}
async function scanned(...argv: string[]): Promise<{ evidence: Map<string, Evidence>; remarks: string[] }> {
  const io = capturedIo();
  assert.equal(await scan([...argv, '--format', 'json'], io), 0, io.err());
  const [{ sightings, remarks }] = JSON.parse(io.out());
  return {
    evidence: new Map(
      sightings.map((one: { tag: string; evidence: Evidence[] }) => [one.tag, one.evidence[0]]),
    ),
    remarks,
  };
}

const CONTEXT = 'named-sites!AllocateContext+0x1f';

test('A PDB beside the driver names its sites without being asked for.', async () => {
  const { evidence, remarks } = await scanned(built('named-sites.sys'), '--no-cache');
  assert.equal(evidence.get('NCtx')?.symbol, CONTEXT);
  assert.deepEqual(evidence.get('NCCr')?.wrapperSymbols, ['named-sites!AllocateTagged']);
  assert.deepEqual(remarks, []);
});

test('--symbols names a folder, and may be repeated.', async () => {
  const found = await scanned(lone, '--no-cache', '--symbols', root, '--symbols', symbols);
  assert.equal(found.evidence.get('NCtx')?.symbol, CONTEXT);
});

test('POOLTAG_SYMBOLS does the same.', async () => {
  const io = capturedIo({ POOLTAG_SYMBOLS: symbols });
  assert.equal(await scan([lone, '--no-cache', '--format', 'ndjson'], io), 0);
  assert.match(io.out(), /"symbol":"named-sites!AllocateContext\+0x1f"/);
});

test('What was kept without symbols is not shown with them, nor the other way round.', async () => {
  const cache = ['--cache', path.join(root, 'cache')];
  for (const round of ['made', 'kept']) {
    assert.equal((await scanned(lone, ...cache)).evidence.get('NCtx')?.symbol, undefined, round);
    const named = await scanned(lone, ...cache, '--symbols', symbols);
    assert.equal(named.evidence.get('NCtx')?.symbol, CONTEXT, round);
  }
});

test('A remark on a PDB of another build belongs to its place, not to the driver that was kept.', async () => {
  const cache = ['--cache', path.join(root, 'cache')];
  const other = path.join(root, 'other');
  mkdirSync(other);
  const bytes = readFileSync(built('named-sites.pdb'), 'latin1').replaceAll(
    'pooltag-symbols!',
    'pooltag-symbols?',
  );
  writeFileSync(path.join(other, 'named-sites.pdb'), bytes, 'latin1');
  for (const round of ['made', 'kept']) {
    const { evidence, remarks } = await scanned(lone, ...cache, '--symbols', other);
    assert.equal(evidence.get('NCtx')?.symbol, undefined, round);
    assert.match(remarks.join(), /named-sites\.pdb in a symbols folder was not used: .*another build/, round);
    assert.deepEqual((await scanned(lone, ...cache)).remarks, [], round);
  }
});

test('The table for people has the symbol behind the address.', async () => {
  const io = capturedIo();
  assert.equal(await scan([lone, '--no-cache', '--symbols', symbols], io), 0);
  assert.match(io.out(), /NCtx .* at 0x101f \(named-sites!AllocateContext\+0x1f\)/);
  assert.match(io.out(), /NCUn .* at 0x11c4 /, 'what has no name has its address');
});

test('The columns of CSV stay as they are.', async () => {
  const io = capturedIo();
  assert.equal(await scan([lone, '--no-cache', '--symbols', symbols, '--format', 'csv'], io), 0);
  assert.doesNotMatch(io.out(), /AllocateContext/);
});

test('A symbols folder that is not there, and one that is a file, are refused before anything is scanned.', async () => {
  for (const [folder, words] of [
    [path.join(root, 'nowhere'), /names .*nowhere, which does not exist/],
    [lone, /names .*named-sites\.sys, which is no folder/],
  ] as const) {
    const io = capturedIo();
    assert.equal(await scan([lone, '--symbols', folder], io), 2);
    assert.match(io.err(), words);
    assert.equal(io.out(), '');
  }
});
