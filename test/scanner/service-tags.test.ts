import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { DriverService, Evidence, ScannedDriver, TagSighting } from '../../data/facts.ts';
import { poolTag, tagId } from '../../data/pool-tag.ts';
import { projectFile } from '../../data/project-files.ts';
import { scanDriver } from '../../scanner/scan-driver.ts';
import { withServices } from '../../scanner/service-tags.ts';

const DRIVER = projectFile('test', 'drivers', 'built', 'kmdf-plain.x64.clang.O2.sys');

function service(name: string): DriverService {
  return { name, start: 'manual', type: 'kernel-driver' };
}

function sighting(tag: string, ...evidence: Evidence[]): TagSighting {
  return { tag: poolTag(tag), id: tagId(poolTag(tag)), protected: false, evidence };
}

const CREATE: Evidence = {
  kind: 'default-tag',
  api: 'wdf01000.sys!WdfDriverCreate',
  rva: 0x1010,
  rule: 'guess',
};
const CALL: Evidence = { kind: 'allocation-call', api: 'ntoskrnl.exe!ExAllocatePoolWithTag', rva: 0x2020 };

const SCANNED = scanDriver(readFileSync(DRIVER), {
  fileName: 'teedriver.sys',
  sha256: '0'.repeat(64),
}) as ScannedDriver;

function withSightings(...sightings: TagSighting[]): ScannedDriver {
  return { ...SCANNED, sightings };
}

/** Tag by tag, in their order: the kinds of their evidence. */
function tagsOf({ sightings }: ScannedDriver): [tag: string, ...kinds: string[]][] {
  return sightings.map(({ tag, evidence }) => [tag, ...evidence.map(({ kind }) => kind)]);
}

test('The default tag of a real KMDF driver follows the service that loads it', () => {
  const defaults = ({ sightings }: ScannedDriver) =>
    sightings.filter(({ evidence }) => evidence.some(({ kind }) => kind === 'default-tag'));
  assert.deepEqual(
    defaults(SCANNED).map(({ tag }) => tag),
    ['teed'],
  );
  const known = withServices(SCANNED, [service('MEIx64')]);
  const [found, ...others] = defaults(known);
  assert.equal(others.length, 0);
  assert.equal(found.tag, 'MEIx');
  assert.equal(found.id, tagId(poolTag('MEIx')));
  assert.match(
    found.evidence[0].rule ?? '',
    /service name \(MEIx64, which loads this file on this computer\)/,
  );
  assert.equal(found.evidence[0].rva, defaults(SCANNED)[0].evidence[0].rva);
  assert.deepEqual(known.services, [service('MEIx64')]);
  assert.deepEqual(withServices(known, [service('MEIx64')]), known);
});

test('Each service gives its tag, two that begin alike one, and the order is that of the ids', () => {
  const scanned = withSightings(sighting('Abcd', CALL), sighting('Zzzz', CREATE));
  const services = [service('WdfMon'), service('xyzw'), service('XyzwOther'), service('xyzwThird')];
  assert.deepEqual(tagsOf(withServices(scanned, services)), [
    ['Abcd', 'allocation-call'],
    ['Mon\0', 'default-tag'],
    ['Xyzw', 'default-tag'],
    ['xyzw', 'default-tag'],
  ]);
});

test('What is proven of the same tag stays, what was only seen as bytes goes', () => {
  const scanned = withSightings(
    sighting('Both', CALL, { kind: 'literal', rva: 0x30 }),
    sighting('Only', { kind: 'literal', rva: 0x40 }),
    sighting('Zzzz', { kind: 'free-call', rva: 0x50 }, CREATE),
  );
  assert.deepEqual(tagsOf(withServices(scanned, [service('BothFlt')])), [
    ['Both', 'allocation-call', 'default-tag'],
    ['Only', 'literal'],
    ['Zzzz', 'free-call'],
  ]);
  assert.deepEqual(tagsOf(withServices(scanned, [service('Onlyone')])), [
    ['Both', 'allocation-call', 'literal'],
    ['Only', 'default-tag'],
    ['Zzzz', 'free-call'],
  ]);
});

test('Without a service, a default tag or a name that makes a tag, the scan stays as it was', () => {
  const scanned = withSightings(sighting('Abcd', CALL), sighting('Zzzz', CREATE));
  const before = structuredClone(scanned);
  assert.deepEqual(withServices(scanned, []).sightings, before.sightings);
  assert.deepEqual(withServices(scanned, [service('Tönung')]).sightings, before.sightings);
  const plain = withSightings(sighting('Abcd', CALL));
  assert.deepEqual(withServices(plain, [service('Other')]).sightings, plain.sightings);
  withServices(scanned, [service('Abcdef')]);
  assert.deepEqual(scanned, before);
});

test('A name without end is cut where it is told', () => {
  const [, { evidence }] = withServices(withSightings(sighting('Abcd', CALL), sighting('Zzzz', CREATE)), [
    service('n'.repeat(100_000)),
  ]).sightings;
  assert.ok((evidence[0].rule ?? '').length < 250);
});
