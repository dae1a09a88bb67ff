/** The program behind `npm run check:knowledge` passes on the bundled knowledge, and the editors' schemas are current. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { staleSchemas, writeSchemas } from '../../data/lint/schemas.ts';
import { projectFile } from '../../data/project-files.ts';
import { nodeArguments } from '../node-arguments.ts';

test('The bundled knowledge has no fault, and the summary says how much there is.', () => {
  const run = spawnSync(process.execPath, nodeArguments('data/lint/check-knowledge.ts'), {
    encoding: 'utf8',
    cwd: projectFile(),
  });
  assert.match(run.stdout, /^\d+ components, \d+ entries .* no fault\.\n$/);
  assert.equal(run.status, 0);
});

test('A schema that is missing, broken or old is reported, and writing them cures it.', context => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'schemas-'));
  context.after(() => rmSync(folder, { recursive: true }));
  assert.equal(staleSchemas(folder).length, 5);
  writeSchemas(folder);
  assert.deepEqual(staleSchemas(folder), []);
  writeFileSync(path.join(folder, 'schema.json'), '{');
  assert.deepEqual(
    staleSchemas(folder).map(({ file }) => file),
    ['schema.json'],
  );
});
