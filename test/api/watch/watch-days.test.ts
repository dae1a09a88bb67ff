import assert from 'node:assert/strict';
import test from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Catalogue } from '../../../api/catalogue.ts';
import { ExactIndex } from '../../../api/exact-index.ts';
import { LogKeeper } from '../../../api/watch/log-keeper.ts';
import { WatchOwners } from '../../../api/watch/watch-owners.ts';
import { WatchSession } from '../../../api/watch/watch-session.ts';
import { WatchVerdicts } from '../../../api/watch/watch-verdicts.ts';
import { loadKnowledge } from '../../../data/knowledge.ts';
import { LeakAnalysis } from '../../../scanner/leaks/leak-analysis.ts';
import { BEGIN, row, sourceOf } from './watch-fakes.ts';

const TAGS = 30;
const EVERY_MS = 5_000;
const READINGS_OF_A_DAY = 86_400_000 / EVERY_MS;

/** Bytes of the heap after everything that can go has gone. */
function heapBytes(): number {
  v8.setFlagsFromString('--expose-gc');
  vm.runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

test('A day of watching every five seconds keeps to the memory of its first hours, and finds the slow leak.', async () => {
  const catalogue = await Catalogue.create({ knowledge: loadKnowledge(), index: new ExactIndex() });
  const analysis = new LeakAnalysis();
  let now = 0;
  let lines = 0;
  const verdicts = new WatchVerdicts(
    {
      add: snapshot => analysis.add(snapshot),
      // A report is said to take three minutes, so that one an hour is made.
      report: async () => {
        now += 180_000;
        return analysis.report().tags;
      },
      close: async () => {},
    },
    { elapsedMs: () => now, onChange: () => {}, onTrouble: assert.fail },
  );
  const keeper = new LogKeeper({
    log: {
      append: async line => {
        assert.ok(line.endsWith(']]}\n'));
        lines++;
        return [];
      },
    },
    everyMs: 120_000,
    computer: 'HOST',
    onTrouble: assert.fail,
  });
  const source = sourceOf(reading =>
    Array.from({ length: TAGS }, (_, i) => {
      // A leak of 1 KB an hour; the others come and go, and each hour one tag is new for good.
      const inUse = i === 0 ? 1_000 + Math.floor(reading / 180) : 500 + ((reading * (i + 7)) % 5);
      const hour = Math.floor((reading * EVERY_MS) / 3_600_000);
      const name = i === TAGS - 1 ? `N${String(hour).padStart(3, '0')}` : `Tg${String(i).padStart(2, '0')}`;
      return row(name, 'nonpaged', reading * 3 + inUse, reading * 3, inUse * 256);
    }),
  );
  const session = new WatchSession({
    source,
    keeper,
    verdicts,
    owners: new WatchOwners(catalogue),
    computer: 'HOST',
    everyMs: EVERY_MS,
  });
  let afterHours = 0;
  for (let reading = 0; reading < READINGS_OF_A_DAY; reading++) {
    await session.read(BEGIN + reading * EVERY_MS);
    now += EVERY_MS;
    // By then all that is bounded by a number of snapshots is full, but for a hash of each.
    if (reading === READINGS_OF_A_DAY / 3) afterHours = heapBytes();
  }
  const grown = heapBytes() - afterHours;
  // Snapshots that are kept by mistake would be 30 MB.
  assert.ok(grown < 6_000_000, `the heap has grown by ${grown} bytes`);
  assert.equal(lines, 86_400 / 120, 'a line each two minutes');
  const leak = session.picture({
    include: ['Tg00'],
    exclude: [],
    sort: 'suspicion',
    byChange: false,
    top: 1,
    hasTotals: false,
    hasHelp: false,
    skipped: 0,
  }).shown[0];
  assert.equal(leak.trend?.verdict, 'leaking');
  assert.equal(leak.growthBytes, Math.floor((READINGS_OF_A_DAY - 1) / 180) * 256);
});
