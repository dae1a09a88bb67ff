import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { terminalStyle } from '../../../api/terminal-text.ts';
import { type FrameParts, watchFrame } from '../../../api/watch/watch-frame.ts';
import { WatchHistory } from '../../../api/watch/watch-row.ts';
import { type ShownRow, watchTable } from '../../../api/watch/watch-table.ts';
import { BEGIN, row, snapshotOf, trend } from './watch-fakes.ts';

const plain = terminalStyle(false);

function shownRows(owner = 'ntfs.sys: Bitmap buffers'): ShownRow[] {
  const taken = new WatchHistory().take(
    snapshotOf([
      row('NtFB', 'paged', 3_971_107, 3_971_077, 8_456_123),
      row('Io  ', 'nonpaged', 1_021_112, 1_020_985, 91_912),
    ]),
  );
  return taken.map((one, i) => ({
    ...one,
    owner,
    trend: trend(one.tag, one.pool, i === 0 ? 'growing but bounded' : 'not-compared'),
  }));
}

function parts(changes: Partial<FrameParts> = {}): FrameParts {
  const shown = changes.shown ?? shownRows();
  return {
    computer: 'HOST',
    takenAtMs: BEGIN,
    everyMs: 5000,
    memory: {
      physicalBytes: 2 ** 35,
      availableBytes: 2 ** 34,
      nonpagedBytes: 710 * 2 ** 20,
      pagedBytes: 2 ** 30,
    },
    firstMemory: { nonpagedBytes: 700 * 2 ** 20, pagedBytes: 2 ** 30 },
    view: {
      include: [],
      exclude: [],
      sort: 'bytes',
      byChange: false,
      top: Number.POSITIVE_INFINITY,
      hasTotals: false,
      hasHelp: false,
      skipped: 0,
    },
    rows: { inView: shown.length, all: shown.length },
    worst: undefined,
    worstOwner: '',
    shown,
    note: '',
    ...changes,
  };
}

// width, columns of the head, reason
const WIDTHS: [number, string, string][] = [
  [200, 'Tag Type Allocs Frees Diff Bytes Per Alloc Owner Verdict', 'everything'],
  [Number.POSITIVE_INFINITY, 'Tag Type Allocs Frees Diff Bytes Per Alloc Owner Verdict', 'no window'],
  [105, 'Tag Type Allocs Frees Diff Bytes Owner Verdict', 'bytes per allocation go first'],
  [80, 'Tag Type Allocs Diff Bytes Owner Verdict', 'then frees'],
  [58, 'Tag Type Bytes Owner Verdict', 'tag, pool, bytes, owner and verdict stay'],
];
for (const [width, head, reason] of WIDTHS) {
  test(`At a width of ${width}: ${reason}.`, () => {
    const lines = watchTable(shownRows(), width, plain);
    assert.equal(lines[0].replace(/ +/g, ' ').trim(), head);
    assert.ok(lines.every(line => line.length <= width));
    assert.match(lines[1], /^NtFB Paged .*growing but bounded$/);
    assert.match(lines[2], /^Io {3}Nonp .*(ntfs|…)/);
  });
}

test('The changes of columns that stay are those that say most.', () => {
  const [, first] = watchTable(shownRows(), 105, plain);
  assert.match(first, /8456123 \( +0\)/);
});

test('The header tells memory, the growth of the pools since the start, and the worst tag.', () => {
  const { lines } = watchFrame(
    parts({ worst: trend('Thre', 'nonpaged', 'leaking'), worstOwner: 'nt!ps: Thread objects' }),
    120,
    12,
    plain,
  );
  assert.equal(lines[0], 'HOST  2026-11-29 10:00:00 UTC  every 5 s  both pools  by bytes  2 rows');
  assert.equal(lines[1], 'Memory 32 GB, available 16 GB');
  assert.equal(lines[2], 'Nonpaged pool 710 MB (+10 MB), paged pool 1 GB');
  assert.equal(lines[3], 'Leaking Thre (nt!ps: Thread objects) Says the test of leaking.');
  assert.equal(lines.at(-1), '? keys   Q end');
});

test('A note takes the place of the hint, its control characters written out.', () => {
  const { lines } = watchFrame(parts({ note: 'Odd \u001b[2J thing.' }), 120, 12, plain);
  assert.equal(lines.at(-1), 'Odd \\x1B[2J thing.');
});

test('A window of any size gets no more lines and no wider ones than it has, whatever is shown.', () => {
  const long = `${'\u{1f4a5}'.repeat(60)}\u001b[31m${'x'.repeat(200)}`;
  const many = Array.from({ length: 300 }, () => shownRows(long)).flat();
  fc.assert(
    fc.property(
      fc.nat({ max: 200 }),
      fc.nat({ max: 60 }),
      fc.boolean(),
      fc.boolean(),
      fc.nat({ max: 1000 }),
      (width, height, hasTotals, hasHelp, skipped) => {
        const given = parts({
          shown: many,
          note: long,
          worst: trend('Thre', 'paged', 'leaking'),
          worstOwner: long,
        });
        const view = { ...given.view, hasTotals, hasHelp, skipped };
        const frame = watchFrame({ ...given, view }, width, height, plain);
        assert.ok(frame.lines.length <= height);
        assert.ok(frame.lines.every(line => line.length <= width && !/\p{Cc}/u.test(line)));
        assert.ok(frame.page >= 1 && frame.skipped <= Math.max(0, many.length - frame.page));
      },
    ),
  );
});

test('Scrolling ends with the last page, and rows beyond --top stay out.', () => {
  const many = Array.from({ length: 50 }, () => shownRows()).flat();
  const given = parts({ shown: many });
  const { page, skipped, lines } = watchFrame(
    { ...given, view: { ...given.view, skipped: 1e9 } },
    120,
    20,
    plain,
  );
  assert.equal(skipped, 100 - page);
  assert.equal(lines.filter(line => /^(NtFB|Io {2})/.test(line)).length, page);
  const top = watchFrame({ ...given, view: { ...given.view, top: 3 } }, 120, 20, plain);
  assert.equal(top.lines.filter(line => /^(NtFB|Io {2})/.test(line)).length, 3);
});

test('Colour is put around whole lines: red for a leak, yellow for a suspicion.', () => {
  const [leak, suspicion] = shownRows();
  const rows: ShownRow[] = [
    { ...leak, trend: trend('NtFB', 'paged', 'leaking') },
    { ...suspicion, trend: trend('Io  ', 'nonpaged', 'suspicious') },
  ];
  const lines = watchTable(rows, 100, terminalStyle(true));
  assert.ok(lines[1].startsWith('\u001b[31mNtFB') && lines[1].endsWith('\u001b[39m'));
  assert.ok(lines[2].startsWith('\u001b[33mIo  ') && lines[2].endsWith('\u001b[39m'));
});
