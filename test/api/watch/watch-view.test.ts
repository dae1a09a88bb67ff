import assert from 'node:assert/strict';
import test from 'node:test';
import { WatchHistory } from '../../../api/watch/watch-row.ts';
import {
  type JudgedRow,
  KEY_HELP,
  orderInWords,
  rowsInView,
  viewAfterKey,
  type WatchView,
} from '../../../api/watch/watch-view.ts';
import { row, snapshotOf, trend } from './watch-fakes.ts';

const PLAIN: WatchView = {
  include: [],
  exclude: [],
  sort: 'bytes',
  byChange: false,
  top: Number.POSITIVE_INFINITY,
  hasTotals: false,
  hasHelp: false,
  skipped: 0,
};

/** The view after these keys. */
function after(keys: string[], view = PLAIN): WatchView | 'quit' | 'stop' {
  return keys.reduce<WatchView | 'quit' | 'stop'>(
    (seen, key) => (typeof seen === 'string' ? seen : viewAfterKey(seen, key, 10)),
    view,
  );
}

// keys, what of the view they change, reason
const KEYS: [string[], Partial<WatchView>, string][] = [
  [['b'], { sort: 'bytes' }, 'bytes'],
  [['M'], { sort: 'per-alloc' }, 'a capital does the same'],
  [['t'], { sort: 'tag' }, 'tags'],
  [['a'], { sort: 'allocs' }, 'allocations'],
  [['f'], { sort: 'frees' }, 'frees'],
  [['d'], { sort: 'diff' }, 'the difference'],
  [['S'], { sort: 'diff' }, 'the difference as PoolMon for Windows 2000 had it'],
  [['g'], { sort: 'growth' }, 'growth'],
  [['v'], { sort: 'suspicion' }, 'the verdict'],
  [['p'], { pool: 'nonpaged' }, 'nonpaged first'],
  [['p', 'p'], { pool: 'paged' }, 'then paged'],
  [['p', 'p', 'p'], { pool: undefined }, 'then both'],
  [['e'], { hasTotals: true }, 'totals'],
  [['e', 'E'], { hasTotals: false }, 'and off'],
  [['('], { byChange: true }, 'by change'],
  [[')', '('], { byChange: false }, 'and back'],
  [['?'], { hasHelp: true }, 'help'],
  [['h', 'h'], { hasHelp: false }, 'and away'],
  [['h', 'escape'], { hasHelp: false }, 'Esc closes the help first'],
  [['h', 'b'], { hasHelp: false, sort: 'bytes' }, 'an order closes the help'],
  [['down', 'down', 'up'], { skipped: 1 }, 'scrolled'],
  [['up'], { skipped: 0 }, 'not above the first'],
  [['pagedown', 'pagedown', 'pageup'], { skipped: 10 }, 'by pages'],
  [['pagedown', 'home'], { skipped: 0 }, 'back to the first'],
  [['pagedown', 't'], { sort: 'tag', skipped: 0 }, 'another order begins above'],
  [['x', '', 'ctrl-x', 'toString', '__proto__', '\u001b'], {}, 'other keys do nothing'],
];
for (const [keys, changes, reason] of KEYS) {
  test(`Keys ${JSON.stringify(keys.join(' '))}: ${reason}.`, () => {
    assert.deepEqual(after(keys), { ...PLAIN, ...changes });
  });
}

test('Q and Esc end the watch, Ctrl-C stops it, also from the help.', () => {
  assert.equal(after(['q']), 'quit');
  assert.equal(after(['Q']), 'quit');
  assert.equal(after(['escape']), 'quit');
  assert.equal(after(['?', 'q']), 'quit');
  assert.equal(after(['?', 'ctrl-c']), 'stop');
});

test("PoolMon's keys are all in the help.", () => {
  const keys = KEY_HELP.map(([key]) => key).join(' ');
  for (const key of 'PBMTEAFDSQ') assert.match(keys, new RegExp(`\\b${key}\\b`));
});

/** Rows of two snapshots, so that there are changes. */
function rows(): JudgedRow[] {
  const history = new WatchHistory();
  history.take(
    snapshotOf([
      row('Aaaa', 'paged', 10, 5, 4000),
      row('Bbbb', 'nonpaged', 100, 90, 9000),
      row('Cccc', 'paged', 50, 10, 8000),
    ]),
  );
  const taken = history.take(
    snapshotOf([
      row('Aaaa', 'paged', 40, 5, 5000),
      row('Bbbb', 'nonpaged', 101, 99, 9000),
      { ...row('Cccc', 'paged', 52, 11, 0), bytes: undefined },
      row('Dddd', 'nonpaged', 1, 0, 600),
    ]),
  );
  const ranks = ['Cccc', 'Aaaa', 'Dddd'];
  return taken.map(one => ({
    ...one,
    ...(ranks.includes(one.tag)
      ? { rank: ranks.indexOf(one.tag) + 1, trend: trend(one.tag, one.pool, 'suspicious') }
      : {}),
  }));
}

// what of the view differs, tags in their order, reason
const ORDERS: [Partial<WatchView>, string, string][] = [
  [{}, 'BADC', 'bytes; what is not known comes last'],
  [{ sort: 'diff' }, 'CABD', 'difference'],
  [{ sort: 'per-alloc' }, 'BDAC', 'bytes per allocation'],
  [{ sort: 'allocs' }, 'BCAD', 'allocations'],
  [{ sort: 'frees' }, 'BCAD', 'frees'],
  [{ sort: 'tag' }, 'ABCD', 'tag'],
  [{ sort: 'pool' }, 'BDAC', 'pool, then bytes'],
  [{ sort: 'growth' }, 'ADBC', 'growth since the first snapshot'],
  [{ sort: 'suspicion' }, 'CADB', 'suspicion; without a verdict last'],
  [{ sort: 'rate' }, 'ABCD', 'rate; where none is known, by tag'],
  [{ byChange: true }, 'ADBC', 'change of bytes'],
  [{ sort: 'allocs', byChange: true }, 'ACBD', 'change of allocations'],
  [{ sort: 'frees', byChange: true }, 'BCAD', 'change of frees'],
  [{ sort: 'tag', byChange: true }, 'ABCD', 'tags have no change'],
  [{ pool: 'paged' }, 'AC', 'one pool'],
  [{ include: ['A*', '?bbb'] }, 'BA', 'included by wildcards'],
  [{ exclude: ['A*'] }, 'BDC', 'excluded'],
  [{ include: ['aaaa'] }, '', 'letter case differs'],
];
for (const [changes, expected, reason] of ORDERS) {
  test(`Rows are ${expected || 'none'}: ${reason}.`, () => {
    const view = { ...PLAIN, ...changes };
    assert.equal(
      rowsInView(rows(), view)
        .map(({ tag }) => tag[0])
        .join(''),
      expected,
    );
  });
}

test('The order in words tells of the change where it is sorted by that.', () => {
  assert.equal(orderInWords({ ...PLAIN, byChange: true }), 'bytes (change)');
  assert.equal(orderInWords({ ...PLAIN, sort: 'tag', byChange: true }), 'tag');
});

test('Counters that wrap around change by what they really did, and new tags begin with nothing.', () => {
  const history = new WatchHistory();
  history.take(snapshotOf([row('Wrap', 'paged', 0xffff_fffe, 0xffff_fff0, 100)]));
  const [wrapped, fresh] = history.take(
    snapshotOf([row('Wrap', 'paged', 3, 0xffff_fff5, 164), row('Wrap', 'nonpaged', 2, 0, 64)]),
  );
  assert.deepEqual(
    [wrapped.allocsChange, wrapped.freesChange, wrapped.bytesChange, wrapped.growthBytes],
    [5, 5, 64, 64],
  );
  assert.deepEqual([fresh.allocsChange, fresh.bytesChange, fresh.growthBytes], [2, 64, 64]);
});
