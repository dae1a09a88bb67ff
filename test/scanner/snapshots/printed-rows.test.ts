/** Whatever a tag and its figures are, they survive being printed and read, in each layout. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { poolTag, tagId } from '../../../data/pool-tag.ts';
import type { PoolRow } from '../../../scanner/snapshots/pool-snapshot.ts';
import { readSnapshots } from '../../../scanner/snapshots/read-snapshots.ts';

const counter = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const size = fc.integer({ min: 0, max: 2 ** 45 });

/** Rows of distinct tags whose characters are of this range; not all blank, which is no tag. */
function rowsOf(lowest: number, highest: number, without = /^ +$/): fc.Arbitrary<Required<PrintedRow>[]> {
  const character = fc.integer({ min: lowest, max: highest }).map(code => String.fromCharCode(code));
  const tag = fc.string({ unit: character, minLength: 4, maxLength: 4 }).filter(text => !without.test(text));
  const row = fc
    .record({ tag, pool: fc.constantFrom('nonpaged', 'paged'), frees: counter, more: counter, bytes: size })
    .map(({ more, ...rest }) => ({ ...rest, allocs: Math.min(rest.frees + more, 2 ** 32 - 1) }));
  return fc.uniqueArray(row, { minLength: 1, maxLength: 8, selector: ({ tag: text }) => text });
}

interface PrintedRow {
  tag: string;
  pool: string;
  allocs: number;
  frees: number;
  bytes: number;
}

function expectedRows(rows: PrintedRow[]): PoolRow[] {
  return rows.map(({ tag, pool, allocs, frees, bytes }) => {
    return { tag: poolTag(tag), pool: pool as PoolRow['pool'], allocs, frees, diff: allocs - frees, bytes };
  });
}

function type(pool: string): string {
  return pool === 'paged' ? 'Paged' : 'Nonp';
}

const pad = (value: number, width: number) => String(value).padStart(width);

const LAYOUTS: { name: string; title: string; print(row: PrintedRow): string }[] = [
  {
    name: "PoolMon's screen",
    title: ' Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc',
    print: ({ tag, pool, allocs, frees, bytes }) =>
      ` ${tag} ${type(pool).padEnd(5)} ${pad(allocs, 9)} (${pad(0, 4)}) ${pad(frees, 9)} (${pad(-1, 4)}) ` +
      `${pad(allocs - frees, 8)} ${pad(bytes, 7)} (${pad(0, 6)}) ${pad(64, 6)}`,
  },
  {
    name: 'the log of poolmon -n',
    title: ' Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc',
    print: ({ tag, pool, allocs, frees, bytes }) =>
      ` ${tag} ${type(pool)} ${pad(allocs, 10)} ${pad(frees, 9)} ${pad(allocs - frees, 9)} ${pad(bytes, 8)} ${pad(64, 10)}`,
  },
  {
    name: 'PoolMon of Windows 2000',
    title: ' Tag       Type     Allocs            Frees            Diff   Bytes       Per Alloc',
    print: ({ tag, pool, allocs, frees, bytes }) =>
      ` ${tag}     ${type(pool)} ${pad(allocs, 8)}  (${pad(0, 2)}) ${pad(frees, 8)}  (${pad(0, 2)}) ` +
      `${pad(allocs - frees, 8)} ${pad(bytes, 8)}  (${pad(0, 2)})${pad(64, 8)}`,
  },
];

for (const { name, title, print } of LAYOUTS) {
  test(`tags and figures survive: ${name}`, () => {
    fc.assert(
      fc.property(rowsOf(0x20, 0x7e), rows => {
        const { snapshots, remarks } = readSnapshots([title, ...rows.map(print)].join('\r\n'));
        assert.deepEqual(remarks, []);
        assert.deepEqual(snapshots[0].rows, expectedRows(rows));
      }),
      { numRuns: 2000 },
    );
  });

  test(`tags of bytes above 0x7F survive in latin1 and in UTF-16: ${name}`, () => {
    fc.assert(
      // Two such bytes may happen to be one character of UTF-8; these are none.
      fc.property(rowsOf(0xe8, 0xff), rows => {
        const text = [title, ...rows.map(print)].join('\r\n');
        for (const bytes of [
          Buffer.from(text, 'latin1'),
          Buffer.from(`\ufeff${text}`, 'utf16le'),
          Buffer.from(text),
        ]) {
          assert.deepEqual(readSnapshots(bytes).snapshots[0].rows, expectedRows(rows));
        }
      }),
      { numRuns: 500 },
    );
  });
}

test('tags and figures survive: !poolused, verbose', () => {
  const title =
    ' Tag       Allocs       Frees      Diff         Used       Allocs       Frees      Diff         Used';
  fc.assert(
    // What the debugger cannot show it prints as dots; a blank at the beginning is one of them.
    fc.property(rowsOf(0x20, 0x7e, /^ |\./), rows => {
      const lines = rows.map(({ tag, pool, allocs, frees, bytes }) => {
        const half = `${pad(allocs, 11)} ${pad(frees, 11)} ${pad(allocs - frees, 9)} ${pad(bytes, 12)}`;
        const empty = `${pad(0, 11)} ${pad(0, 11)} ${pad(0, 9)} ${pad(0, 12)}`;
        return ` ${tag} ${pool === 'paged' ? `${empty} ${half}` : `${half} ${empty}`}\t${tag} objects , Binary: foo.sys`;
      });
      const { snapshots, remarks } = readSnapshots([' Sorting by Tag', title, ...lines].join('\n'));
      assert.deepEqual(remarks, []);
      const read = snapshots[0].rows.filter(row => row.allocs! > 0 || row.bytes! > 0);
      const expected = expectedRows(rows).filter(row => row.allocs! > 0 || row.bytes! > 0);
      assert.deepEqual(
        read.map(({ mapped, ...row }) => row),
        expected,
      );
    }),
    { numRuns: 2000 },
  );
});

test('tags and figures survive: our own log and CSV', () => {
  fc.assert(
    fc.property(rowsOf(0, 0xff), rows => {
      const takenAt = '2026-11-29T10:00:00.000Z';
      const ids = rows.map(row => ({ ...row, id: tagId(poolTag(row.tag)) }));
      const json = {
        pooltag: 'snapshot',
        version: 1,
        takenAt,
        memory: {},
        rows: ids.map(row => [row.id, row.pool, row.allocs, row.frees, row.bytes]),
      };
      const csv = ids.map(row => `${takenAt},${row.id},${row.pool},${row.allocs},${row.frees},${row.bytes}`);
      for (const text of [JSON.stringify(json), `time,id,pool,allocs,frees,bytes\n${csv.join('\n')}`]) {
        const { snapshots, remarks } = readSnapshots(text);
        assert.deepEqual(remarks, []);
        assert.deepEqual(snapshots[0].rows, expectedRows(rows));
      }
    }),
    { numRuns: 500 },
  );
});
