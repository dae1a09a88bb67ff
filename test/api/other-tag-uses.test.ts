import assert from 'node:assert/strict';
import test from 'node:test';
import { OtherTagUses } from '../../api/other-tag-uses.ts';
import type { OtherTag, ScannedDriver } from '../../data/facts.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { driver, evidence, otherTag } from './sample-facts.ts';

function withOthers(fileName: string, otherTags: OtherTag[], tags: string[] = []): ScannedDriver {
  const sites = Object.fromEntries(tags.map(tag => [tag, evidence('allocation-call')]));
  return { ...driver(fileName, sites), otherTags };
}

const lines = (uses: OtherTagUses, tag: string) =>
  uses.of(poolTag(tag)).map(use => `${use.driver.fileName} ${use.kind} ${use.sites}`);

test('Drivers stand by name, each with all that it uses the tag for', () => {
  const uses = new OtherTagUses();
  uses.put(withOthers('B.sys', [otherTag('Lock', 'remove-lock', 2)]), false);
  uses.put(
    withOthers('a.sys', [otherTag('Lock', 'object-reference'), otherTag('Lock', 'remove-lock')]),
    true,
  );
  uses.put(driver('c.sys', {}), false);
  assert.deepEqual(lines(uses, 'Lock'), [
    'a.sys object-reference 1',
    'a.sys remove-lock 1',
    'B.sys remove-lock 2',
  ]);
  assert.deepEqual(
    uses.of(poolTag('Lock')).map(use => use.driver.isSample),
    [true, true, false],
  );
  assert.deepEqual(lines(uses, 'None'), []);
});

test('A driver that uses the tag for pool memory as well is not among them', () => {
  const uses = new OtherTagUses();
  uses.put(
    withOthers('a.sys', [otherTag('Lock', 'remove-lock'), otherTag('Only', 'remove-lock')], ['Lock']),
    false,
  );
  assert.deepEqual(lines(uses, 'Lock'), []);
  assert.deepEqual(lines(uses, 'Only'), ['a.sys remove-lock 1']);
});

test('What was seen of a driver before is replaced, and does not count twice', () => {
  const uses = new OtherTagUses();
  const once = withOthers('a.sys', [otherTag('Lock', 'remove-lock')]);
  for (let n = 0; n < 3; n++) uses.put(once, false);
  assert.deepEqual(lines(uses, 'Lock'), ['a.sys remove-lock 1']);
  uses.put(withOthers('a.sys', [otherTag('Next', 'remove-lock')]), false);
  assert.deepEqual(lines(uses, 'Lock'), []);
  assert.deepEqual(lines(uses, 'Next'), ['a.sys remove-lock 1']);
  uses.put(driver('a.sys', {}), false);
  assert.deepEqual(lines(uses, 'Next'), []);
});
