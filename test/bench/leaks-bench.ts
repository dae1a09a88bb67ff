/**
 * Part of `npm run bench:leaks`: what the analysis costs, without reading: many snapshots of many tags go in one after
 * another, and a report comes out. Arguments: snapshots, tags.
 */
import { LeakAnalysis } from '../../scanner/leaks/leak-analysis.ts';
import type { PoolRow, PoolSnapshot } from '../../scanner/snapshots/pool-snapshot.ts';
import { seededRandom, simulatedMachine, USUAL } from '../eval/simulated-machine.ts';

const [snapshots, tags] = [process.argv[2] ?? 2_600, process.argv[3] ?? 3_000].map(Number);
const EVERY_MS = 5 * 60_000;
const KNOTS = 26;

let highest = 0;
await measure(snapshots, tags);
await measure(500, tags);
await measure(48, tags);

async function measure(count: number, width: number): Promise<void> {
  // A few simulated snapshots, and noise between them: made one at a time, as a reader would.
  const machine = simulatedMachine(7, { ...USUAL, tags: width, snapshots: KNOTS, everyHours: 9 });
  const random = seededRandom(count);
  const analysis = new LeakAnalysis();
  highest = 0;
  let adding = 0;
  for (let i = 0; i < count; i++) {
    const snapshot = between(machine.snapshots, (i / count) * (KNOTS - 1), i, random);
    const started = performance.now();
    analysis.add(snapshot);
    adding += performance.now() - started;
    if (i % 50 === 0) await noteMemory();
  }
  const started = performance.now();
  const usedBefore = process.cpuUsage();
  const report = analysis.report();
  const reporting = performance.now() - started;
  const used = process.cpuUsage(usedBefore).user / 1_000;
  await noteMemory();
  const points = Math.max(...report.tags.map(({ series }) => series.snapshot.length));
  console.log(
    `${count.toLocaleString('en')} snapshots x ${width.toLocaleString('en')} tags: add ${adding.toFixed(0)} ms, report ${reporting.toFixed(0)} ms (${used.toFixed(0)} ms of processor), ` +
      `${points} points a tag${report.thinnedTo === undefined ? '' : ' (thinned)'}, highest memory ${(highest / 2 ** 20).toFixed(0)} MB`,
  );
}

/** Memory of the whole process, with what is not collected yet. */
async function noteMemory(): Promise<void> {
  highest = Math.max(highest, process.memoryUsage().rss);
  await new Promise(resolve => setImmediate(resolve));
}

function between(knots: PoolSnapshot[], place: number, i: number, random: () => number): PoolSnapshot {
  const from = Math.floor(place);
  const part = place - from;
  const before = knots[from];
  const after = knots[Math.min(KNOTS - 1, from + 1)];
  const rows = before.rows.map((row, k): PoolRow => {
    const diff = Math.round(mix(row.diff!, after.rows[k].diff!, part) * (1 + 0.01 * random()));
    const frees = mix(row.frees!, after.rows[k].frees!, part);
    const size = row.diff === 0 ? 0 : row.bytes! / row.diff!;
    return {
      tag: row.tag,
      pool: row.pool,
      allocs: frees + diff,
      frees,
      diff,
      bytes: Math.round(diff * size),
    };
  });
  return { ...before, rows, takenAtMs: knots[0].takenAtMs! + i * EVERY_MS };
}

function mix(a: number, b: number, part: number): number {
  return Math.round(a + (b - a) * part);
}
