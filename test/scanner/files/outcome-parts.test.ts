/** What a worker sends in parts is whole again where it arrives. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ScannedDriver, TagSighting } from '../../../data/facts.ts';
import { type PoolTag, tagId } from '../../../data/pool-tag.ts';
import { outcomeFromParts, outcomeInParts } from '../../../scanner/files/outcome-parts.ts';

function outcomeWith(count: number): ScannedDriver {
  const sightings = Array.from({ length: count }, (_, index): TagSighting => {
    const tag = String(1000 + index) as PoolTag;
    return { tag, id: tagId(tag), protected: false, evidence: [{ kind: 'allocation-call', rva: index }] };
  });
  return { status: 'scanned', sightings, remarks: ['one'], partial: true } as unknown as ScannedDriver;
}

for (const [count, messages] of [
  [0, 0],
  [499, 0],
  [500, 0],
  [501, 1],
  [1000, 1],
  [1001, 2],
  [2345, 4],
] as const) {
  test(`${count} sightings travel in ${messages} parts and a rest`, () => {
    const outcome = outcomeWith(count);
    const { parts, rest } = outcomeInParts(outcome);
    assert.equal(parts.length, messages);
    const first: TagSighting[] = parts.flatMap(part => JSON.parse(JSON.stringify(part)));
    assert.deepEqual(outcomeFromParts(first, JSON.parse(JSON.stringify(rest))), outcome);
  });
}

test('A refused file has no parts', () => {
  const refused = { status: 'refused', fileName: 'a.sys', reason: { code: 'empty', message: '' } } as const;
  assert.deepEqual(outcomeInParts(refused), { parts: [], rest: refused });
  assert.equal(outcomeFromParts([], refused), refused);
});
