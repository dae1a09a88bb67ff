/** Tags of which one character is computed from an unbounded number: a wildcard sighting, kept apart from tags. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { RecordStore } from '../../data/merge.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { analyseCode } from '../../scanner/code/analyse-code.ts';
import { tagSightings } from '../../scanner/tag-sightings.ts';
import { NO_FACTS } from '../data/plain-identity.ts';
import { imageOfVector } from './code/image-of-vector.ts';

/** mov w10, #0x6154; movk w10, #0x3067, lsl #16; add w2, w10, w0, lsl #24; adrp x8, alloc; ldr x8, [x8]; blr x8; ret */
const ANY_LANE = '1000:8a2a8c52ea0ca6724261000b080000b0080140f900013fd6c0035fd6';

function sightingsOf(vector: string) {
  return tagSightings(analyseCode(imageOfVector('arm64', vector), 'test.sys'), { fileName: 'test.sys' })
    .sightings;
}

test('A character that may be anything makes a wildcard sighting with the id of a pattern.', () => {
  const families = sightingsOf(ANY_LANE).filter(({ isPattern }) => isPattern);
  assert.deepEqual(
    families.map(({ tag, id, evidence }) => [tag, id, evidence[0].kind, evidence[0].origin]),
    [['Tag?', 'p-5461673f', 'allocation-call', 'computed']],
  );
});

test('The records keep the family beside the tags, as a wildcard entry.', () => {
  const sightings = sightingsOf(ANY_LANE);
  const store = new RecordStore([], []);
  const driver = {
    ...NO_FACTS,
    fileName: 'test.sys',
    sha256: 'a'.repeat(64),
    sizeBytes: 1,
    arch: 'arm64' as const,
  };
  store.put({ status: 'scanned', driver, sightings, remarks: [], partial: false }, false);
  const [record] = store.records().filter(({ isPattern }) => isPattern);
  assert.deepEqual([record.id, record.tag, record.sightings.length], ['p-5461673f', poolTag('Tag?'), 1]);
});
