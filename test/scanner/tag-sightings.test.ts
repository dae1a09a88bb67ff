import assert from 'node:assert/strict';
import test from 'node:test';
import { localtagFacts } from '../../data/localtag-facts.ts';
import { POOL_FUNCTIONS } from '../../scanner/code/pool-functions.ts';
import { PROCESSORS } from '../../scanner/code/processor.ts';
import { directCallee } from '../../scanner/code/sinks.ts';
import type { TagUse } from '../../scanner/code/tag-use.ts';
import { tagSightings } from '../../scanner/tag-sightings.ts';
import { NO_FACTS } from '../data/plain-identity.ts';

/** A use of `text` (in memory order) by a function, with the given bits set on top. */
function use(functionName: string, text: string, more: Partial<TagUse> = {}, bits = 0): TagUse {
  const callee = directCallee(POOL_FUNCTIONS.get(functionName)!, 'ntoskrnl.exe', PROCESSORS.x64);
  const ulong = (Buffer.from(text, 'latin1').readUInt32LE() | bits) >>> 0;
  return {
    ulong,
    callee,
    rva: 0x1010,
    functionRva: 0x1000,
    origin: 'computed',
    constantRva: 0x1000,
    ...more,
  };
}

function sightingsOf(...uses: TagUse[]) {
  const findings = { uses, literals: [], isListedFunction: () => true, unresolvedCalls: 0, isPartial: false };
  return tagSightings(findings, 'foo.sys');
}

const THIRD = 0x00ff0000;
const PROTECTED = 0x80000000;

test('A family with PROTECTED_POOL is named without it, whichever character is computed.', () => {
  const { sightings } = sightingsOf(use('ExAllocatePoolWithTag', 'Fa0x', { familyMask: THIRD }, PROTECTED));
  assert.deepEqual(
    sightings.map(({ tag, isPattern, protected: isProtected }) => [tag, isPattern, isProtected]),
    [['Fa?x', true, true]],
  );
});

test('A computed tag of a reference to an object is no pool sighting, and names no tag.', () => {
  const { sightings, otherTags } = sightingsOf(
    use('ObReferenceObjectWithTag', 'Fa0x', { familyMask: THIRD }),
    use('ObReferenceObjectWithTag', 'ObjR', { origin: 'immediate' }),
  );
  assert.deepEqual(sightings, []);
  assert.deepEqual(
    otherTags.map(({ tag }) => tag),
    ['ObjR'],
  );
});

test('A localtag.txt has a family as the wildcard that it is.', () => {
  const { sightings, otherTags, remarks } = sightingsOf(
    use('ExAllocatePoolWithTag', 'Fa0x', { familyMask: THIRD }),
    use('ExAllocatePoolWithTag', 'Plai', { origin: 'immediate' }),
  );
  const driver = { ...NO_FACTS, fileName: 'foo.sys', sha256: '00', sizeBytes: 1, arch: 'x64' as const };
  const facts = localtagFacts([{ status: 'scanned', driver, sightings, otherTags, remarks, partial: false }]);
  assert.deepEqual(
    facts.map(({ tag, isPattern }) => [tag, isPattern]),
    [
      ['Fa?x', true],
      ['Plai', false],
    ],
  );
});
