/** Tags of one machine say of each other how slow its noise is. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { GrowthEvidence } from '../../../scanner/leaks/growth-evidence.ts';
import { shareMemory } from '../../../scanner/leaks/shared-memory.ts';

/** Evidence over two strengths of memory: quick noise and slow noise. */
function evidence(leakByMemory: number[], innocentByMemory: number[]): GrowthEvidence {
  return { leak: 0, leakByMemory, innocentByMemory } as GrowthEvidence;
}

/** A rise that is a leak where noise is quick, and may be noise where that is slow. */
const doubtful = () => evidence([10, 0], [0, 9]);
const machine = (slow: boolean) =>
  Array.from({ length: 99 }, () => evidence([0, 0], slow ? [0, 20] : [20, 0]));

test('Among tags with quick noise a rise is no slow noise; among tags with slow noise it may be', () => {
  const [amongQuick, amongSlow] = [false, true].map(slow => {
    const one = doubtful();
    shareMemory([...machine(slow), one]);
    return one.leak;
  });
  assert.ok(amongQuick > 2, `${amongQuick}`);
  assert.ok(amongSlow < 0, `${amongSlow}`);
});

test('A tag that is unlike the others keeps a part of its own judgement', () => {
  const slow = evidence([0, 0], [0, 20]);
  shareMemory([...machine(false), slow]);
  assert.ok(slow.leak < -10, `${slow.leak}`);
});

test('A few tags say nothing of each other', () => {
  const few = Array.from({ length: 49 }, doubtful);
  shareMemory(few);
  assert.ok(few.every(({ leak }) => leak === 0));
});
