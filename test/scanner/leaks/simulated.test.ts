/** A few of the machines of `npm run eval:leaks`: the leaks come first, and nothing else is called one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import { simulatedMachine, USUAL } from '../../eval/simulated-machine.ts';

for (const [seed, change] of [
  [11, {}],
  [12, { memory: 'mixed', jitter: 0.5 }],
  [13, { rows: 'bytes only', bursts: 0.2, caches: 0.2 }],
] as const) {
  test(`Planted leaks of machine ${seed} are in the first places, and no other tag is called a leak`, () => {
    const { snapshots, planted } = simulatedMachine(seed, { ...USUAL, tags: 600, ...change });
    const analysis = new LeakAnalysis();
    for (const one of snapshots) analysis.add(one);
    const { tags } = analysis.report();
    const isPlanted = (place: number) =>
      planted.some(leak => leak.tag === tags[place].tag && leak.pool === tags[place].pool);
    const clear = planted.filter(({ timesNoise }) => timesNoise >= 10);
    assert.ok(clear.length > 0);
    for (const leak of clear) {
      const place = tags.findIndex(({ tag, pool }) => tag === leak.tag && pool === leak.pool);
      assert.ok(place < 5, `${leak.tag} is at place ${place + 1}: ${tags[place].reasons.join(' ')}`);
    }
    tags.forEach(({ verdict, reasons }, place) => {
      if (verdict === 'leaking') assert.ok(isPlanted(place), reasons.join(' '));
    });
  });
}
