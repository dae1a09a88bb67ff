/** The version of the scanner covers everything that the scan of a driver can depend on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { projectFile } from '../../../data/project-files.ts';
import { scannerVersion } from '../../../scanner/cache/scanner-version.ts';

/** The files of ours that a file imports, by whatever way. */
function importedFiles(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const names = [...source.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, name]) => name);
  return names.map(name => path.resolve(path.dirname(file), name));
}

test('Every file that the scan of a driver imports is in a folder that is hashed', () => {
  const seen = new Set<string>();
  const waiting = [projectFile('scanner', 'scan-worker.ts'), projectFile('scanner', 'scan-driver.ts')];
  for (const file of waiting) {
    if (seen.has(file)) continue;
    seen.add(file);
    waiting.push(...importedFiles(file));
  }
  assert.ok(seen.size > 50, `${seen.size} files`);
  for (const file of seen) {
    const relative = path.relative(projectFile(), file).replaceAll('\\', '/');
    assert.match(relative, /^(scanner\/.+|data\/[^/]+)\.ts$/);
  }
});

test('The dependencies are pinned, so that their versions stand in package.json', () => {
  const { dependencies } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies)) assert.match(`${version}`, /^\d/, name);
});

test('The version is the same each time', () => {
  assert.match(scannerVersion(), /^[0-9a-f]{64}$/);
  assert.equal(scannerVersion(), scannerVersion());
});
