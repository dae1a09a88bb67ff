import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { PoolSnapshot, ReadRemark } from '../../../scanner/snapshots/pool-snapshot.ts';
import { readSnapshots } from '../../../scanner/snapshots/read-snapshots.ts';
import { SnapshotReader } from '../../../scanner/snapshots/snapshot-reader.ts';
import { stopwatch } from '../../stopwatch.ts';
import { resultText } from './snapshot-text.ts';
import { SNAPSHOT_VECTORS } from './snapshot-vectors.ts';

const fileTimeMs = Date.UTC(2026, 10, 29);
/** The time that one hostile input may take on a busy machine. */
const MOST_MS = 10_000;

for (const { file, name, text, expected } of SNAPSHOT_VECTORS) {
  test(`${file}: ${name}`, () => {
    assert.deepEqual(resultText(readSnapshots(text, { fileTimeMs })), expected);
  });
}

/** Reads the bytes in pieces of a size. */
function readInPieces(bytes: Uint8Array, size: number): string[] {
  const snapshots: PoolSnapshot[] = [];
  const remarks: ReadRemark[] = [];
  const reader = new SnapshotReader({
    fileTimeMs,
    onSnapshot: snapshot => snapshots.push(snapshot),
    onRemark: remark => remarks.push(remark),
  });
  const piece = new Uint8Array(size);
  for (let start = 0; start < bytes.length; start += size) {
    // Those who read files use one buffer again and again.
    const end = Math.min(bytes.length, start + size);
    piece.set(bytes.subarray(start, end));
    reader.write(piece.subarray(0, end - start));
  }
  reader.end();
  return resultText({ snapshots, remarks });
}

test('encodings and line ends make no difference', () => {
  for (const { name, text } of SNAPSHOT_VECTORS) {
    const expected = resultText(readSnapshots(text, { fileTimeMs }));
    const isLatin1 = /^[\0-\xff]*$/.test(text);
    for (const end of ['\n', '\r\n', '\r']) {
      const printed = text.replaceAll('\n', end);
      const encoded = {
        utf8: Buffer.from(printed),
        'utf8 with mark': Buffer.from(`\ufeff${printed}`),
        utf16le: Buffer.from(printed, 'utf16le'),
        'utf16le with mark': Buffer.from(`\ufeff${printed}`, 'utf16le'),
        utf16be: Buffer.from(printed, 'utf16le').swap16(),
        'utf16be with mark': Buffer.from(`\ufeff${printed}`, 'utf16le').swap16(),
        ...(isLatin1 ? { latin1: Buffer.from(printed, 'latin1') } : {}),
      };
      for (const [encoding, bytes] of Object.entries(encoded)) {
        const read = resultText(readSnapshots(new Uint8Array(bytes), { fileTimeMs }));
        assert.deepEqual(read, expected, `${name}: ${encoding} with ${JSON.stringify(end)}`);
      }
    }
  }
});

test('pieces of any size give the same', () => {
  const all = SNAPSHOT_VECTORS.map(({ text }) => text).join('\r\n');
  for (const bytes of [
    Buffer.from(all),
    Buffer.from(`\ufeff${all}`, 'utf16le'),
    Buffer.from(all, 'latin1'),
  ]) {
    const expected = resultText(readSnapshots(bytes, { fileTimeMs }));
    for (const size of [1, 2, 3, 7, 64, 1000, 2047, 2048, 2049]) {
      assert.deepEqual(readInPieces(bytes, size), expected, `pieces of ${size}`);
    }
  }
});

test('a text in two pieces gives the same wherever it is cut', () => {
  const { text } = SNAPSHOT_VECTORS.find(vector => vector.name.startsWith('the screen of Windows XP'))!;
  const bytes = Buffer.from(text.replaceAll('\n', '\r\n'));
  const expected = readInPieces(bytes, bytes.length);
  for (let size = 1; size < bytes.length; size++) assert.deepEqual(readInPieces(bytes, size), expected);
});

test('UTF-16 that PowerShell has appended to a file of cmd is read too', () => {
  const { text } = SNAPSHOT_VECTORS.find(vector => vector.name.startsWith('the screen of Windows XP'))!;
  const printed = text.replaceAll('\n', '\r\n');
  const once = readSnapshots(printed).snapshots[0];
  const appended = Buffer.concat([
    Buffer.from(printed.repeat(3)),
    Buffer.from(`\ufeff${printed}`, 'utf16le'),
  ]);
  const { snapshots, remarks } = readSnapshots(appended);
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    snapshots.map(({ rows, memory }) => ({ rows, memory })),
    Array.from({ length: 4 }, () => ({ rows: once.rows, memory: once.memory })),
  );
  const lines = printed.split('\r\n').length - 1;
  assert.deepEqual(
    snapshots.map(({ line }) => line),
    [1, lines + 1, 2 * lines + 1, 3 * lines + 1],
  );
});

test('each half of a text is read without a throw, and rows that are whole are there', () => {
  for (const { name, text } of SNAPSHOT_VECTORS) {
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length += bytes.length > 1500 ? 13 : 3) {
      const { remarks } = readSnapshots(bytes.subarray(0, length));
      assert.ok(remarks.length <= 102, name);
    }
  }
});

test('whatever bytes are flipped, there is an outcome that keeps its promises', () => {
  const vectors = fc.constantFrom(...SNAPSHOT_VECTORS.map(({ text }) => text));
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 20 });
  fc.assert(
    fc.property(vectors, flips, (text, changes) => {
      const bytes = Buffer.from(text);
      for (const [place, value] of changes) bytes[place % bytes.length] = value;
      keepsPromises(readSnapshots(bytes));
    }),
    { numRuns: 3000 },
  );
});

test('lines of all formats in any order keep the promises', () => {
  const lines = fc.constantFrom(...new Set(SNAPSHOT_VECTORS.flatMap(({ text }) => text.split('\n'))));
  fc.assert(
    fc.property(fc.array(lines, { maxLength: 40 }), chosen => {
      keepsPromises(readSnapshots(chosen.join('\n'), { fileTimeMs }));
    }),
    { numRuns: 2000 },
  );
});

function keepsPromises({ snapshots, remarks }: { snapshots: PoolSnapshot[]; remarks: ReadRemark[] }): void {
  for (const snapshot of snapshots) {
    for (const row of snapshot.rows) {
      assert.match(row.tag, /^[\0-\xff]{4}$/);
      for (const key of ['allocs', 'frees', 'diff', 'bytes'] as const) assertCount(row, key);
    }
    for (const amount of Object.values(snapshot.memory))
      assert.ok(Number.isSafeInteger(amount) && amount >= 0);
    for (const process of snapshot.processes) {
      assert.ok(process.name !== '');
      for (const key of ['handles', 'threads', 'processId', 'commitBytes'] as const)
        assertCount(process, key);
    }
    for (const block of snapshot.blocks) assert.ok(block.tag.length === 4 && block.sizeBytes >= 0);
    assert.ok(snapshot.takenAtMs === undefined || Number.isSafeInteger(snapshot.takenAtMs));
    assert.equal(snapshot.takenAtMs === undefined, snapshot.timeFrom === undefined);
  }
  for (const { message } of remarks) assert.doesNotMatch(message, /[\p{Cc}\p{Cf}]/u);
}

/** What is not known is absent: no key, rather than an undefined value or a zero. */
function assertCount<T extends object>(record: T, key: keyof T): void {
  if (!(key in record)) return;
  const value = record[key];
  assert.ok(Number.isSafeInteger(value) && (value as number) >= 0, `${String(key)} is ${value}`);
}

const HOSTILE: [string, string][] = [
  ['one line of letters', 'a'.repeat(8_000_000)],
  ['blanks', ' '.repeat(8_000_000)],
  ['NULs', '\0'.repeat(8_000_000)],
  ['empty lines', '\n'.repeat(2_000_000)],
  ['lone carriage returns', 'x\r'.repeat(400_000)],
  ['half words of titles', 'Tag Type Allocs '.repeat(200_000)],
  ['a flattened screen of names', `Tag Type Allocs Frees Diff Bytes ${' Nonp 1'.repeat(200_000)}`],
  [
    'a flattened screen of brackets',
    `Tag Type Allocs Frees Diff Bytes Thre Nonp 1 1 1 1 ${'['.repeat(200_000)}`,
  ],
  ['rows that are none', ' Tag Type Allocs Frees Diff Bytes\n'.concat(' Thre Nonp 1 x\n'.repeat(300_000))],
  ['titles without rows', ' Tag Type Allocs Frees Diff Bytes\n'.repeat(200_000)],
  ['snapshots of one row', ' Tag Type Allocs Frees Diff Bytes\n Thre Nonp 1 1 0 0\n'.repeat(100_000)],
  ['digits without an end', ` Tag Type Allocs Frees Diff Bytes\n Thre Nonp ${'1'.repeat(4_000_000)}`],
  [
    'blanks before the pool',
    ` Tag Type Allocs Frees Diff Bytes\n${`${' '.repeat(900)}Nonp x\n`.repeat(3000)}`,
  ],
  [
    'a debugger table of blanks',
    ` Sorting by Tag\n Tag Allocs Used Allocs Used\n${`Thre${' 1'.repeat(400)}\n`.repeat(3000)}`,
  ],
  [
    'blanks in a table of processes',
    `Process ID Proc.Name Handles\n${`000001C0 a${' '.repeat(900)}\n`.repeat(3000)}`,
  ],
  [
    'numbers in a table of processes',
    `Process ID Proc.Name Handles\n${`000001C0 a${' 1'.repeat(400)}x\n`.repeat(3000)}`,
  ],
  ['labels of !vm', `${'a '.repeat(450)}: 1\n`.repeat(3000)],
  ['addresses', `${'f'.repeat(900)} size: 1\n`.repeat(3000)],
  ['quotes', `"(PDH-CSV 4.0)","\\\\H\\Memory\\Pool Paged Bytes"\n${`${'""'.repeat(400)}\n`.repeat(3000)}`],
  ['cells', `"Tag","PagedUsedBytes"\n${','.repeat(4_000_000)}`],
  ['an event without an end', `<Event ><MemoryExhaustionInfo>${'<Tag_1>'.repeat(600_000)}`],
  ['events that begin', '<Event '.repeat(600_000)],
  ['empty events', '<Event ></Event>'.repeat(300_000)],
  ['an object without an end', `{"pooltag":"snapshot","rows":[${'['.repeat(4_000_000)}`],
  ['dates', '11/12/2026 10:00\n'.repeat(200_000)],
  ['digits and colons', `${'1:1:'.repeat(29)}\n`.repeat(50_000)],
  ['processes', 'PROCESS 884e6520 SessionId: 0 Cid: 01a0\nImage: a.exe\n'.repeat(100_000)],
  ['drivers', 'fffffa8003b6f670 Loaded 000000a0 00000854 a.sys\n'.repeat(100_000)],
  ['quotation marks', `${'> '.repeat(400)}Thre Nonp 1 1 1 1\n`.repeat(5000)],
];

for (const [name, text] of HOSTILE) {
  test(`a hostile text is read in bounded time, with few remarks: ${name}`, () => {
    const takenMs = stopwatch();
    const { remarks } = readSnapshots(Buffer.from(text, 'latin1'));
    assert.ok(takenMs() < MOST_MS);
    assert.ok(remarks.length <= 110, `${remarks.length} remarks`);
  });
}

test('remarks beyond the first hundred are counted', () => {
  const { remarks } = readSnapshots(
    ` Tag Type Allocs Frees Diff Bytes\n${' Thre Nonp 1 x\n'.repeat(150)} Thre Nonp 1 1 0 0`,
  );
  assert.equal(remarks.length, 101);
  assert.match(remarks[100].message, /^50 more remarks are left out\.$/);
});

test('a wrapped counter in each of many snapshots is named a few times and counted', () => {
  const snapshot = ' Tag Type Allocs Frees Diff Bytes\n Wrap Nonp 100 4294960000 -4294959900 64000\n';
  const { snapshots, remarks } = readSnapshots(snapshot.repeat(30));
  assert.equal(snapshots.length, 30);
  assert.deepEqual(
    remarks.map(({ line }) => line),
    [2, 4, 6, 8, 10, undefined],
  );
  assert.match(remarks[5].message, /^The same in 25 more rows/);
});

test('a line that is longer than its bound is cut and said to be', () => {
  const row = ` Thre Nonp 1 1 0 0 0 [${'x'.repeat(400_000)}]`;
  const { snapshots, remarks } = readSnapshots(
    ` Tag Type Allocs Frees Diff Bytes\n${row}\n Io   Nonp 2 1 1 64`,
  );
  assert.deepEqual(
    snapshots[0].rows.map(({ tag }) => tag),
    ['Thre', 'Io  '],
  );
  assert.equal(snapshots[0].rows[0].mapped?.length, 199);
  assert.deepEqual(
    remarks.map(({ line, message }) => [line, /longer than \d+ bytes/.test(message)]),
    [[2, true]],
  );
});

test('an export of events on one line of megabytes is read whole', () => {
  const event = SNAPSHOT_VECTORS.find(vector => vector.name === 'event 2004 in an export')!
    .text.replaceAll('\n', '')
    .replace(/^<Events><Event .*?<\/Event>/, '')
    .replace('</Events>', '');
  const { snapshots, remarks } = readSnapshots(`<Events>${event.repeat(3000)}</Events>`);
  assert.deepEqual(remarks, []);
  assert.equal(snapshots.length, 3000);
  for (const { rows, processes } of snapshots) assert.deepEqual([rows.length, processes.length], [4, 1]);
});

test('a snapshot of our own log may be a line of megabytes', () => {
  const rows = Array.from({ length: 60_000 }, (_, i) => [i.toString(16).padStart(8, '2'), 'paged', 9, 4, i]);
  const line = { pooltag: 'snapshot', version: 1, takenAt: '2026-11-29T10:00:00.000Z', memory: {}, rows };
  const { snapshots, remarks } = readSnapshots(`${JSON.stringify(line)}\n`);
  assert.deepEqual(remarks, []);
  assert.equal(snapshots[0].rows.length, 60_000);
  assert.deepEqual(snapshots[0].rows[7], {
    tag: '\x22\x22\x22\x27',
    pool: 'paged',
    allocs: 9,
    frees: 4,
    diff: 5,
    bytes: 7,
  });
});

const ONE_ROW = ' Tag Type Allocs Frees Diff Bytes\n Thre Nonp 1 1 0 0\n';

/** When the file was written, a date in it, and how that is read; a remark where it is a guess. */
const FILE_DATES: [string, string, string, boolean][] = [
  ['2026-11-11T02:00Z', '10/11/2026 23:00', '2026-11-10T23:00Z', false],
  ['2026-11-11T02:00Z', '11/10/2026 23:00', '2026-11-10T23:00Z', false],
  ['2026-11-12T02:00Z', '04/11/2026 23:00', '2026-11-04T23:00Z', false],
  ['2027-06-01T00:00Z', '04/11/2026 23:00', '2026-04-11T23:00Z', true],
  ['2026-01-01T00:00Z', '04/11/2026 23:00', '2026-04-11T23:00Z', true],
];

for (const [written, date, expected, isGuess] of FILE_DATES) {
  test(`${date} in a file of ${written} is ${expected}${isGuess ? ', which is a guess' : ''}`, () => {
    const { snapshots, remarks } = readSnapshots(`${date}\n${ONE_ROW}`, { fileTimeMs: Date.parse(written) });
    assert.equal(snapshots[0].takenAtMs, Date.parse(expected));
    assert.equal(remarks.length, isGuess ? 1 : 0);
  });
}

test('a guess on day and month that proves wrong is said to', () => {
  const dates = [...Array.from({ length: 60 }, () => '12/11/2026 10:00'), '13/11/2026 10:00'];
  const { snapshots, remarks } = readSnapshots(dates.map(date => `${date}\n${ONE_ROW}`).join(''));
  assert.equal(snapshots.length, 61);
  assert.deepEqual(
    remarks.map(({ message }) => /^Nothing up to here|^This date shows/.exec(message)?.[0]),
    ['Nothing up to here', 'This date shows'],
  );
});

test('a large table that is sorted by tag is read in full, one snapshot for each time', () => {
  const lines = Array.from({ length: 300 * 40 }, (_, i) => {
    const tag = `T${String(Math.floor(i / 40)).padStart(3, '0')}`;
    return `2026-11-29T10:${String(i % 40).padStart(2, '0')}:00,${tag},${i}`;
  });
  const { snapshots, remarks } = readSnapshots(`DateTime,Tag,NonPagedUsedBytes\n${lines.join('\n')}`);
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    snapshots.map(({ rows }) => rows.length),
    Array.from({ length: 40 }, () => 300),
  );
});

test('no snapshot keeps more rows than a machine can have tags', () => {
  const row = ' Thre Nonp 1 1 0 0\n';
  const { snapshots, remarks } = readSnapshots(` Tag Type Allocs Frees Diff Bytes\n${row.repeat(250_010)}`);
  assert.equal(snapshots[0].rows.length, 250_000);
  assert.deepEqual(
    remarks.map(({ line }) => line),
    [250_002],
  );
});
