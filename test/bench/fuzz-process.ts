/** A process of fuzz-scan.ts: scans the damaged images of the seeds it is told and reports each. */
import { setImmediate } from 'node:timers/promises';
import { FuzzInputs, outcomeOf } from './fuzz-inputs.ts';

export interface SeedRange {
  first: number;
  count: number;
}

export type FuzzMessage =
  | { kind: 'begin'; seed: number }
  | { kind: 'end'; seed: number; name: string; outcome: string; elapsedMs: number; crash?: string }
  | { kind: 'done'; rssMb: number };

const inputs = new FuzzInputs(process.argv.slice(2));
const say = (message: FuzzMessage) => process.send!(message);

process.on('message', async ({ first, count }: SeedRange) => {
  for (let seed = first; seed < first + count; seed++) {
    const input = inputs.damaged(seed);
    say({ kind: 'begin', seed });
    const startedMs = performance.now();
    const cpuBefore = process.cpuUsage();
    let outcome = 'crash';
    let crash: string | undefined;
    try {
      outcome = outcomeOf(input);
    } catch (error) {
      crash = String(error instanceof Error ? error.stack : error);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    // What other programs take of the processor meanwhile is left out.
    const elapsedMs = Math.min(performance.now() - startedMs, (user + system) / 1000);
    say({ kind: 'end', seed, name: input.name, outcome, elapsedMs, crash });
    await setImmediate(); // lets the messages out
  }
  say({ kind: 'done', rssMb: process.memoryUsage.rss() / 2 ** 20 });
});
