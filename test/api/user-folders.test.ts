/** The guess whether earlier scans are kept, by which a scan of a folder starts threads ahead or not. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { hasKeptScans } from '../../api/user-folders.ts';

test('Kept scans are looked for where the scan will look: an option, the variable, no cache at all', t => {
  const folder = mkdtempSync(join(tmpdir(), 'pooltag-user-folders-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const empty = join(folder, 'empty');
  const filled = join(folder, 'filled');
  mkdirSync(empty);
  mkdirSync(join(filled, 'files'), { recursive: true });
  const env = { POOLTAG_CACHE: filled };
  assert.equal(hasKeptScans(['drivers'], env), true);
  assert.equal(hasKeptScans(['drivers', '--cache', empty], env), false);
  assert.equal(hasKeptScans([`--cache=${empty}`, 'drivers'], env), false);
  assert.equal(hasKeptScans(['drivers', '--no-cache'], env), false);
  assert.equal(hasKeptScans(['drivers'], { POOLTAG_CACHE: empty }), false);
  assert.equal(hasKeptScans(['--cache', filled, 'drivers'], { POOLTAG_CACHE: empty }), true);
  assert.equal(hasKeptScans([`--cache=${filled}`], {}), true);
});
