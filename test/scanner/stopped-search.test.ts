/** A search that is ended by its caller gives what it has found, and says so. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { ScanCache } from '../../scanner/cache/scan-cache.ts';
import { scanDriverFile } from '../../scanner/files/scan-driver-file.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';

const DRIVER = projectFile('test', 'drivers', 'built', 'wrappers.x64.clang.O2.sys');
const bytes = new Uint8Array(readFileSync(DRIVER));

/** Scans the driver with a search that may look at so many functions. */
function scanOf(functions: number) {
  let left = functions;
  const outcome = scanDriver(
    bytes,
    { fileName: 'wrappers.sys', sha256: '0'.repeat(64) },
    { isStopped: () => left-- <= 0 },
  );
  assert.ok(outcome.status === 'scanned');
  const isUsed = ({ evidence }: (typeof outcome.sightings)[number]) => !/literal/.test(evidence[0].kind);
  return { ...outcome, tags: outcome.sightings.filter(isUsed).map(({ tag }) => tag) };
}

test('A stopped search keeps what it has found, and the answer is partial with the reason', () => {
  const whole = scanOf(Infinity);
  assert.equal(whole.partial, false);
  const counts = [0, 1, 3, 10].map(functions => {
    const stopped = scanOf(functions);
    assert.equal(stopped.partial, true);
    assert.match(stopped.remarks.join('\n'), /took too long and was stopped/);
    assert.ok(stopped.tags.every(tag => whole.tags.includes(tag)));
    return stopped.tags.length;
  });
  assert.equal(counts[0], 0);
  assert.ok(counts[3] > counts[1] && counts[3] < whole.tags.length, `${counts} of ${whole.tags.length}`);
  assert.doesNotMatch(whole.remarks.join('\n'), /stopped/);
});

test('What a stopped search gave is not kept for the next scan', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'pooltag-stopped-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const cache = new ScanCache(folder);
  const file = { path: DRIVER, isNamed: true };
  const stopped = await scanDriverFile(file, { cache, isStopped: () => true });
  assert.ok(stopped.status === 'scanned' && stopped.partial);
  const whole = await scanDriverFile(file, { cache });
  assert.ok(whole.status === 'scanned' && !whole.partial);
  const kept = await scanDriverFile(file, { cache, isStopped: () => true });
  assert.deepEqual(kept, whole);
});
