import assert from 'node:assert/strict';
import test from 'node:test';
import { TagLines } from '../../../scanner/snapshots/tag-lines.ts';
import { SNAPSHOT_VECTORS } from './snapshot-vectors.ts';

/** Lines in their order, and the tag that each shows; '' where it shows none. */
const TEXTS: [string, [string, string][]][] = [
  [
    "PoolMon's screen, with a sentence in between",
    [
      [' Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc', ''],
      ['', ''],
      [' Io   Nonp    1021112 (   1)   1020985 (   1)      127   91912 (     0)    723', 'Io  '],
      ['Both Nonp and Paged are high.', ''],
      [' Dh 1 Paged        24 (   0)        24 (   0)        0       0 (     0)      0', 'Dh 1'],
      [' MmSt Paged   2269405   20954', ''],
    ],
  ],
  [
    '!poolused, where the title tells what follows',
    [
      ['0: kd> !poolused 2', ''],
      [' Thre    120145     76892800          0            0', ''],
      [' Sorting by NonPaged Pool Consumed', ''],
      ['               NonPaged                  Paged', ''],
      [' Tag     Allocs         Used     Allocs         Used', ''],
      [' Thre    120145     76892800          0            0', 'Thre'],
      [' Vad      13703      2192480          0            0\tMm virtual address , Binary: nt!mm', 'Vad '],
      ['TOTAL           1           0         1          112', ''],
    ],
  ],
  [
    '!pool and a large block',
    [
      ['*ffff8700c6f662b0 size:  210 previous size:  230  (Allocated) *Hack', 'Hack'],
      ['\t\tOwning component : Unknown (update pooltag.txt)', ''],
      ['*fffffa8004a00000 : large page allocation, tag is HalD, size is 0x2000 bytes', 'HalD'],
    ],
  ],
  [
    'Driver Verifier',
    [
      ['PoolAddress  SizeInBytes    Tag       CallersAddress', ''],
      ['fffff9800157efc0     0x0000003c     Vprt      fffff88002c62963', 'Vprt'],
    ],
  ],
  [
    'an event on several lines',
    [
      ['<MemoryExhaustionInfo xmlns="x">', ''],
      ['  <PagedPoolInfo>', ''],
      ['    <Tag_1><Name>Gpbm</Name><PoolUsed>75059936</PoolUsed></Tag_1>', 'Gpbm'],
      ['  </PagedPoolInfo>', ''],
      ['  <ProcessInfo><Process_1><Name>a.exe</Name></Process_1></ProcessInfo>', ''],
      ['</MemoryExhaustionInfo>', ''],
    ],
  ],
  [
    'CSV',
    [
      ['"DateTime","Tag","PagedUsedBytes"', ''],
      ['"2019-07-24T12:21:57","FMfn","199922400"', 'FMfn'],
    ],
  ],
  [
    'a sentence with rows in it: the first counts',
    [['see Tag Type Allocs Frees Diff Bytes Thre Nonp 3 1 2 128 File Nonp 3 1 2 128', 'Thre']],
  ],
];

for (const [name, lines] of TEXTS) {
  test(`each line shows its tag: ${name}`, () => {
    const reader = new TagLines();
    for (const [line, expected] of lines) assert.equal(reader.tagOf(line)?.tag ?? '', expected, line);
  });
}

test('a tag that the tool shows with dots is inexact', () => {
  const reader = new TagLines();
  reader.tagOf(' Sorting by Tag');
  reader.tagOf(' Tag     Allocs         Used     Allocs         Used');
  assert.deepEqual(reader.tagOf(' .ab.    120145     76892800          0            0'), {
    tag: '.ab.',
    isInexact: true,
  });
});

test('every row of the vectors has its tag shown by one of its lines', () => {
  for (const { name, text, expected } of SNAPSHOT_VECTORS) {
    const reader = new TagLines();
    const shown = new Set(text.split('\n').map(line => reader.tagOf(line)?.tag));
    // Lines of JSON and flattened screens have several tags, of which one is shown.
    if (/on one line|our own log|event 2004/.test(name)) continue;
    for (const row of expected) {
      const tag = /^ {2}(?:block )?(\S{4}) (?:nonpaged|paged|pool=)/.exec(row)?.[1];
      if (tag !== undefined)
        assert.ok(
          [...shown].some(known => known === tag),
          `${name}: ${tag}`,
        );
    }
  }
});

test('memory does not grow with the lines of a table', () => {
  const reader = new TagLines();
  reader.tagOf(' Tag Type Allocs Frees Diff Bytes');
  for (let i = 0; i < 300_000; i++) assert.equal(reader.tagOf(' Thre Nonp 1 1 0 0')?.tag, 'Thre');
});
