import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { watch } from '../../../api/commands/watch.ts';
import type { PoolRow } from '../../../scanner/snapshots/pool-snapshot.ts';
import {
  analysisOf,
  FakeTerminal,
  fakeWorld,
  refusal,
  row,
  sourceOf,
  trend,
  until,
} from '../watch/watch-fakes.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-watch-'));
after(() => rmSync(folder, { recursive: true }));

/** Two tags in both pools; `Thre` grows by an allocation with each reading. */
function growing(reading: number): PoolRow[] {
  return [
    row('Thre', 'nonpaged', 100 + reading, 40, (60 + reading) * 1024),
    row('NtFB', 'paged', 3996, 3986, 252_088),
    row('Zz~!', 'nonpaged', 7, 7, 0),
  ];
}

test("--once prints one snapshot in PoolMon's columns with owners, and ends with 0.", async () => {
  const io = capturedIo();
  const world = fakeWorld(sourceOf(growing));
  assert.equal(await watch(['--once'], io, world), 0);
  const lines = io.out().split('\n');
  assert.match(
    lines[0],
    /^TESTHOST {2}2026-11-29 10:00:00 UTC {2}every 5 s {2}both pools {2}by bytes {2}3 rows$/,
  );
  assert.match(lines[2], /^Tag {2}Type +Allocs +Frees +Diff +Bytes +Per Alloc Owner +Verdict$/);
  assert.match(lines[3], /^NtFB Paged +3996 \( +0\) +3986 \( +0\) +10 +252088 \( +0\) +25209 ntfs\.sys: /);
  assert.match(lines[4], /^Thre Nonp +100 \( +0\) +40 \( +0\) +60 +61440 \( +0\) +1024 nt!ps: /);
  assert.match(lines[5], /^Zz~! Nonp +7 \( +0\) +7 \( +0\) +0 +0 \( +0\) +0$/);
  assert.equal(io.err(), '');
  assert.equal(world.waits, 0);
});

test('Without a terminal each interval is printed below the other, with changes, until the system ends it.', async () => {
  const io = capturedIo();
  const world = fakeWorld(sourceOf(growing));
  world.onWait = waits => {
    if (waits === 3) io.stop();
  };
  assert.equal(await watch(['--every', '30s', '--include', 'Thr?'], io, world), 130);
  assert.deepEqual(io.out().match(/10:0\d:\d\d/g), ['10:00:00', '10:00:30', '10:01:00']);
  assert.deepEqual(
    io
      .out()
      .match(/^Thre .*?\)(?= )/gm)
      ?.map(line => line.replace(/ +/g, ' ')),
    ['Thre Nonp 100 ( 0)', 'Thre Nonp 101 ( 1)', 'Thre Nonp 102 ( 1)'],
  );
  assert.doesNotMatch(io.out(), /NtFB/);
});

test('JSON is a line for each snapshot, with owner, change and verdict.', async () => {
  const io = capturedIo();
  const world = fakeWorld(sourceOf(growing), {
    analysis: analysisOf([trend('Thre', 'nonpaged', 'leaking')]),
  });
  world.onWait = waits => {
    if (waits === 7) io.stop();
  };
  assert.equal(await watch(['--format', 'json', '--sort', 'suspicion', '--top', '1'], io, world), 130);
  const lines = io
    .out()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));
  assert.equal(lines.length, 7);
  assert.equal(lines[6].takenAt, '2026-11-29T10:00:30.000Z');
  assert.equal(lines[6].totalRows, 3);
  const { owner, ...first } = lines[6].rows[0];
  assert.match(owner, /^nt!ps: /);
  assert.deepEqual(first, {
    tag: 'Thre',
    id: '54687265',
    pool: 'nonpaged',
    allocs: 106,
    frees: 40,
    diff: 66,
    bytes: 67584,
    perAlloc: 1024,
    allocsChange: 1,
    freesChange: 0,
    bytesChange: 1024,
    growthBytes: 6144,
    rank: 1,
    verdict: 'leaking',
    reasons: ['Says the test of leaking.'],
  });
  assert.equal(lines[4].rows[0].verdict, undefined, 'five snapshots are not judged');
});

test('The live screen is drawn, follows keys and the window, and is put back by Q.', async () => {
  const io = capturedIo();
  const terminal = new FakeTerminal();
  const world = fakeWorld(sourceOf(growing), {
    terminal,
    analysis: analysisOf([trend('Thre', 'nonpaged', 'leaking'), trend('NtFB', 'paged', 'steady')]),
  });
  const first = () => /^(?:Tag .*\n)(.{4})/m.exec(terminal.screen)?.[1];
  world.onWait = waits => {
    if (waits === 1) {
      assert.ok(terminal.isOther && !terminal.isCursorShown && !terminal.isWrapping);
      assert.equal(terminal.guards, 1);
      assert.equal(first(), 'NtFB');
      terminal.press('t');
      assert.match(terminal.screen, /by tag/);
      assert.equal(first(), 'NtFB');
      terminal.press('D');
      assert.equal(first(), 'Thre', 'by the difference');
      terminal.press('p');
      assert.match(terminal.screen, /nonpaged pool.*2 of 3 rows/);
      terminal.press('p');
      assert.match(terminal.screen, / {2}paged pool.*1 of 3 rows/);
      terminal.press('p', 'e');
      assert.match(
        terminal.screen,
        /Total nonpaged: 2 tags, 107 allocations, 47 frees, 60 in use, 61,440 bytes/,
      );
      terminal.press('?');
      assert.match(terminal.screen, /D or S +sort by the difference/);
      terminal.press('escape');
      assert.match(terminal.screen, /^Thre /m);
    }
    if (waits === 2) {
      terminal.resize(60, 10);
      assert.equal(terminal.screen.split('\n').length, 10);
      assert.ok(terminal.screen.split('\n').every(line => line.length <= 60));
      terminal.press('unknown', 'ctrl-l');
    }
    if (waits === 6) {
      assert.match(terminal.screen, /^Leaking Thre \(nt!ps: .*$/m);
      assert.match(terminal.screen, /^Thre .* leaking$/m);
      terminal.press('q');
    }
  };
  assert.equal(await watch(['--sort', 'bytes'], io, world), 0);
  assert.ok(!terminal.isOther && terminal.isCursorShown && terminal.isWrapping);
  assert.equal(terminal.guards, 0);
  assert.equal(terminal.listeners, 0);
  assert.equal(io.out() + io.err(), '', 'the ordinary screen is as it was');
});

test('Ctrl-C and a signal of the system end the live screen with 130.', async () => {
  for (const how of ['key', 'signal']) {
    const io = capturedIo();
    const terminal = new FakeTerminal();
    const world = fakeWorld(sourceOf(growing), { terminal });
    world.onWait = () => (how === 'key' ? terminal.press('ctrl-c') : io.stop());
    assert.equal(await watch([], io, world), 130);
    assert.ok(!terminal.isOther);
  }
});

test('A fault while the screen is drawn puts the window back and ends with 5.', async () => {
  const io = capturedIo();
  const terminal = new FakeTerminal();
  const world = fakeWorld(
    sourceOf(reading => {
      if (reading > 0) throw new TypeError('broken');
      return growing(reading);
    }),
    { terminal },
  );
  assert.equal(await watch([], io, world), 5);
  assert.ok(!terminal.isOther && terminal.isCursorShown && terminal.isWrapping);
  assert.equal(terminal.listeners, 0);
  assert.match(io.err(), /fault of the program[\s\S]*broken/);
});

test('A first reading that is refused ends with 4 on the ordinary screen; a later one is told and watching goes on.', async () => {
  const io = capturedIo();
  const terminal = new FakeTerminal();
  const never = fakeWorld(
    sourceOf(() => refusal('Windows refused.')),
    { terminal },
  );
  assert.equal(await watch([], io, never), 4);
  assert.equal(io.err(), 'pooltag: Windows refused.\n');
  assert.equal(terminal.written, '');
  const later = fakeWorld(
    sourceOf(reading => (reading === 1 ? refusal('Windows refused once.') : growing(reading))),
    { terminal },
  );
  later.onWait = waits => {
    if (waits === 2) assert.match(terminal.screen, /^Thre .*\n[\s\S]*Windows refused once\.$/m);
    if (waits === 3) {
      assert.doesNotMatch(terminal.screen, /refused/);
      terminal.press('escape');
    }
  };
  assert.equal(await watch([], io, later), 0);
  assert.equal(later.waits, 3);
});

test('Hostile tags and owners reach neither the window nor the text raw.', async () => {
  const list = path.join(folder, 'hostile.txt');
  writeFileSync(list, Buffer.from('<b>" - evil\u009b2J.sys - \u001b]0;owned\u0007 text\n', 'latin1'));
  const rows = () => [
    row('\u001b[2J', 'nonpaged', 5, 1, 4096),
    row('<b>"', 'paged', 5, 1, 2048),
    row('\r\n\0\u009b', 'paged', 5, 1, 1024),
  ];
  const io = capturedIo();
  assert.equal(await watch(['--once', '--pooltag', list], io, fakeWorld(sourceOf(rows))), 0);
  assert.match(io.out(), /^\\x1B\[2J +Nonp/m);
  assert.match(io.out(), /^\\x0D\\x0A\\x00\\x9B Paged/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
  assert.doesNotMatch(io.out(), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  const terminal = new FakeTerminal();
  const world = fakeWorld(sourceOf(rows), { terminal });
  world.onWait = () => terminal.press('q');
  assert.equal(await watch(['--pooltag', list], capturedIo(), world), 0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
  assert.doesNotMatch(terminal.screen, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

/** The lines of a log as they are now. */
function linesOf(file: string): { takenAt: string }[] {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line));
}

test('--log has the first snapshot, and the last one when the watch ends, in the form that pooltag leaks reads.', async () => {
  const io = capturedIo();
  const file = path.join(folder, 'pool.jsonl');
  const terminal = new FakeTerminal();
  const world = fakeWorld(sourceOf(growing), { terminal });
  world.onWait = waits => {
    if (waits === 13) terminal.press('q');
  };
  assert.equal(await watch(['--log', file], io, world), 0);
  const lines = linesOf(file);
  assert.deepEqual(
    lines.map(({ takenAt }) => takenAt),
    ['2026-11-29T10:00:00.000Z', '2026-11-29T10:01:00.000Z'],
  );
  assert.deepEqual(lines[1], {
    pooltag: 'snapshot',
    version: 1,
    takenAt: '2026-11-29T10:01:00.000Z',
    computer: 'TESTHOST',
    memory: {},
    rows: [
      ['54687265', 'nonpaged', 112, 40, 73728],
      ['4e744642', 'paged', 3996, 3986, 252088],
      ['5a7a7e21', 'nonpaged', 7, 7, 0],
    ],
  });
  assert.equal(io.err(), '');
});

test('A log that can no longer be written is told on the screen, on stderr after it, and once; watching goes on.', async () => {
  const io = capturedIo();
  const file = path.join(folder, 'lost.jsonl');
  const terminal = new FakeTerminal();
  const world = fakeWorld(sourceOf(growing), { terminal });
  let seen = 0;
  world.onWait = async waits => {
    if (waits === 1) {
      await until(() => linesOf(file).length === 1);
      rmSync(file);
      mkdirSync(file);
    }
    // The disk takes its time, the clock of the test does not.
    await new Promise(resolve => setImmediate(resolve));
    if (/could not be written to the log/.test(terminal.screen)) seen++;
    if (seen === 3) terminal.press('q');
  };
  assert.equal(await watch(['--log', file, '--log-every', '5s'], io, world), 0);
  const told = io
    .err()
    .match(/A snapshot could not be written to the log \(EISDIR[^\n]* Watching goes on\.\n/g);
  assert.equal(told?.length, 1);
});

// arguments, exit code, what stderr says, reason
const WRONG: [string[], number, RegExp, string][] = [
  [['--every', '5'], 2, /--every was given "5"; it must be a number with s, m, h or d/, 'no unit'],
  [['--every', '100ms'], 2, /--every/, 'milliseconds'],
  [['--every', '2d'], 2, /from a second to a day/, 'too long'],
  [['--sort', 'size'], 2, /--sort was given "size"; it must be one of .*bytes/, 'no such order'],
  [['--pool', 'session'], 2, /--pool.*nonp or paged/, 'no such pool'],
  [['--top', '0'], 2, /--top.*from 1 to 1000000/, 'no rows'],
  [['--include', ''], 2, /--include.*four characters/, 'an empty filter'],
  [['--log-every', '1m'], 2, /--log-every needs --log FILE/, 'no file'],
  [['--log', folder], 3, /is a folder or a device\. Name a file/, 'a folder'],
  [
    ['--log', path.join(folder, 'missing', 'x')],
    3,
    /there is no folder .*missing\. Create it first/,
    'no folder',
  ],
  [['--log', 'x', '--log-size', '0'], 2, /--log-size.*megabytes of one file/, 'no room'],
  [['--log', 'x', '--log-files', '1'], 2, /--log-files.*from 2 to 1000/, 'nothing to rotate to'],
  [['--format', 'csv'], 2, /--format/, 'no such format'],
  [['more'], 2, /too many arguments|unknown/, 'an argument'],
  [['--every', '\u001b[2J'], 2, /^[^\p{Cc}]+\n$/u, 'what was given is repeated harmlessly'],
];
for (const [argv, exitCode, err, reason] of WRONG) {
  test(`pooltag watch ${JSON.stringify(argv.join(' '))} ends with ${exitCode}: ${reason}.`, async () => {
    const io = capturedIo();
    assert.equal(await watch(argv, io, fakeWorld(sourceOf(growing))), exitCode);
    assert.match(io.err(), err);
    assert.equal(io.out(), '');
  });
}

test('Elsewhere than on Windows one sentence says why not and what to do instead, with exit code 4.', async () => {
  const io = capturedIo();
  assert.equal(await watch([], io), 4);
  assert.match(io.err(), /^pooltag: [^.]* does not run Windows: [^.]* pooltag leaks\.\n$/);
});

test('The help has an example of each use.', async () => {
  const io = capturedIo();
  assert.equal(await watch(['--help'], io), 0);
  assert.match(io.out(), /--log-files <number>/);
  assert.match(io.out(), /pooltag watch --once --top 10/);
});
