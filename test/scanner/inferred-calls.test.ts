/** Tags that go by way of an object which only the distances of its fields tell: likely, and said to be inferred. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fg from 'fast-glob';
import { strengthOf } from '../../data/facts.ts';
import { projectFile } from '../../data/project-files.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';

const built = projectFile('test', 'drivers', 'built');

for (const file of fg.sync('buffer-pools.*.clang.O2.sys', { cwd: built }).sort()) {
  test(`${file}: a tag that is kept in an object is inferred, one that is passed is proven.`, () => {
    const bytes = new Uint8Array(readFileSync(projectFile('test', 'drivers', 'built', file)));
    const outcome = scanDriver(bytes, { fileName: file, sha256: '' });
    assert.ok(outcome.status === 'scanned');
    const kindOf = (tag: string) => outcome.sightings.find(one => one.tag === tag)?.evidence[0].kind;
    assert.deepEqual(
      { kept: kindOf('BFHl'), passed: kindOf('BFpH') },
      { kept: 'inferred-call', passed: 'allocation-call' },
    );
  });
}

test('What is inferred is likely, not proven.', () => assert.equal(strengthOf('inferred-call'), 'likely'));
