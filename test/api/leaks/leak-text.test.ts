import assert from 'node:assert/strict';
import test from 'node:test';
import { answerLeaks } from '../../../api/leaks/answer-leaks.ts';
import { leakCsv } from '../../../api/leaks/leak-csv.ts';
import { leakText } from '../../../api/leaks/leak-text.ts';
import { WHOLE_VIEW } from '../../../api/leaks/leak-view.ts';
import { terminalStyle } from '../../../api/terminal-text.ts';
import type { LeakReport } from '../../../scanner/leaks/leak-report.ts';
import { sampleCatalogue } from '../sample-facts.ts';
import { leakReport, trend } from './leak-reports.ts';

const source = await sampleCatalogue();
const PLAIN = { style: terminalStyle(false), width: 100, sort: 'suspicion' as const };
const textOf = async (report: LeakReport, options = PLAIN) =>
  leakText(await answerLeaks(report, source), options);

test('The answer is the first line, the table the last section, and numbers stand right.', async () => {
  const text = await textOf(leakReport([trend('Thre', 'leaking', { to: 25 }), trend('Ntfs', 'steady')]));
  assert.match(text, /^Thre is leaking nonpaged pool, 1 MB an hour\. Thread objects/);
  assert.match(
    text,
    /\nThre {2}nonpaged pool, leaking, 25 MB\n {2}▁▃▅▇█ {2}1 MB to 25 MB\n {2}Reason for leaking\.\n/,
  );
  assert.match(text, /\nWhat to do next\n {2}- /);
  assert.match(
    text,
    /\nTags: 2 rows, the most suspicious first\n {2}Tag {3}Pool {2}Verdict +Bytes +Growth +An hour +Diff +Each {2}Owner\n/,
  );
  assert.match(
    text,
    /\n {2}Thre {2}Nonp {2}leaking +25 MB +24 MB +1 MB +900 +28\.4 KB {2}nt!ps: Thread objects\n/,
  );
  assert.ok(text.endsWith('\n'));
});

test('No line is wider than the terminal.', async () => {
  const wide = trend('ZzQ9', 'leaking', { to: 25, reasons: ['A word '.repeat(60).trim()] });
  for (const width of [60, 80, 100]) {
    const text = await textOf(leakReport([wide, trend('Ntfs', 'growing but bounded')]), { ...PLAIN, width });
    // A command stays in one piece, to be pasted.
    const prose = text
      .split('\nTags:')[0]
      .split('\n')
      .filter(line => !line.startsWith('      '));
    for (const line of prose) assert.ok([...line].length <= width || !line.trim().includes(' '), line);
  }
});

test('One snapshot has no columns of growth, and says so.', async () => {
  const text = await textOf(leakReport([trend('Thre', 'not-compared', { to: 25 })], { taken: 1 }));
  assert.doesNotMatch(text, /Growth|An hour|Verdict/);
  assert.match(text, /only a later one shows who leaks it/);
});

test('Counters have columns where they are sorted by.', async () => {
  const report = leakReport([trend('Thre', 'steady')]);
  assert.match(await textOf(report, { ...PLAIN, sort: 'allocs' as never }), / Allocs +Frees /);
});

const HOSTILE = ['<b>"', '\u001b[2J', 'a\nb\r', '\u0000\u0007\u009b\xe9', '=1+1', '"",\n'];
for (const tag of HOSTILE) {
  test(`The tag ${JSON.stringify(tag)} and texts like it are harmless in text and CSV.`, async () => {
    const words = `${tag}\u001b[31m\u202e`;
    const report = leakReport(
      [trend(tag, 'leaking', { to: 3, mapped: [words], reasons: [`Grew ${words}.`] })],
      {
        processes: [
          { name: words, handles: 90_000 },
          { name: 'x', handles: 2 },
          { name: 'y', handles: 3 },
        ],
        verifier: [{ driver: words, isUnloaded: true, nonpagedAllocs: 1, allocations: [] }],
        blocks: [],
        remarks: [{ file: words, line: 3, message: words }],
      },
    );
    const answer = await answerLeaks(report, source);
    const text = leakText(answer, PLAIN);
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
    const csv = [...leakCsv(answer)].join('');
    assert.equal(csv.split('\n')[0].split(',').length, 23);
    assert.match(csv, /\n1,("?)('=|[^=])/);
  });
}

test('The CSV has a row for each tag, exact figures, and an empty cell for what is not known.', async () => {
  const answer = await answerLeaks(
    leakReport([trend('Thre', 'leaking', { to: 25 }), trend('ZzQ9', 'steady')]),
    source,
    { view: WHOLE_VIEW },
  );
  const [head, first, second] = [...leakCsv(answer)];
  assert.match(
    head,
    /^rank,tag,id,pool,verdict,bytes,diff,allocs,frees,bytesPerAlloc,growthBytes,bytesPerHour,/,
  );
  assert.match(
    first,
    /^1,Thre,54687265,nonpaged,leaking,26214400,900,1400,500,29127,25165824,1048576,0,26214400,,,,,5,nt!ps,/,
  );
  assert.match(second, /^2,ZzQ9,5a7a5139,nonpaged,steady,1048576,.*,5,,,,Reason for steady\.\n$/);
});
