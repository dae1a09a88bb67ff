import assert from 'node:assert/strict';
import test from 'node:test';
import { isoTime, readPrintedTime } from '../../../scanner/snapshots/printed-time.ts';

/** A line; when it is by month first and by day first (one where both are the same), or '' where it tells no time. */
const LINES: [string, string, string?][] = [
  ['Sun 11/29/2026 10:05:01.23', '2026-11-29T10:05:01.230Z'],
  ['29/11/2026  9:05:01,23', '2026-11-29T09:05:01.230Z'],
  ['03/04/2026 10:00', '2026-03-04T10:00:00.000Z', '2026-04-03T10:00:00.000Z'],
  ['Tue 03/04/2026 10:00', '2026-03-04T10:00:00.000Z', '2026-04-03T10:00:00.000Z'],
  ['03-04-2026 10:00', '2026-03-04T10:00:00.000Z', '2026-04-03T10:00:00.000Z'],
  ['So 03.04.2026 10:00:00', '2026-04-03T10:00:00.000Z'],
  ['2026-11-29 10:05', '2026-11-29T10:05:00.000Z'],
  ['2026/11/29 10:05', '2026-11-29T10:05:00.000Z'],
  ['2026-11-29T10:05:00Z', '2026-11-29T10:05:00.000Z'],
  ['2026-11-29T10:05:00.1234567+05:30', '2026-11-29T04:35:00.123Z'],
  ['Sunday, November 29, 2026 10:05:00 AM', '2026-11-29T10:05:00.000Z'],
  ['Sunday, November 29, 2026 12:05:00 AM', '2026-11-29T00:05:00.000Z'],
  ['Sunday, November 29, 2026 12:05:00 PM', '2026-11-29T12:05:00.000Z'],
  ['29 November 2026 22:05:00', '2026-11-29T22:05:00.000Z'],
  ['Sun Nov 29 10:05:00.123 2026', '2026-11-29T10:05:00.123Z'],
  ['Debug session time: Sun Nov 29 10:05:00.123 2026 (UTC - 8:00)', '2026-11-29T18:05:00.123Z'],
  ['The current date is: Sun 11/29/2026  10:05', '2026-11-29T10:05:00.000Z'],
  ['======== 11/29/2026 10:05:00 PM ========', '2026-11-29T22:05:00.000Z'],
  ['7/24/19, 7:13 PM', '2019-07-24T19:13:00.000Z'],
  ['11/29/2026', ''],
  ['10:05:00', ''],
  ['31/31/2026 10:00', ''],
  ['30/02/2026 10:00', ''],
  ['29.13.2026 10:00', ''],
  ['11/29/2026 25:00', ''],
  ['On 11/29/2026 10:05 we restarted all servers, and then the trouble began anew', ''],
  ['fffff980:0157efc0 11/29/2026', ''],
  ['', ''],
];

for (const [line, monthFirst, dayFirst = monthFirst] of LINES) {
  test(`the line ${JSON.stringify(line)} tells ${monthFirst || 'no time'}`, () => {
    const time = readPrintedTime(line);
    const texts = time && [time.monthFirstMs, time.dayFirstMs].map(ms => new Date(ms).toISOString());
    assert.deepEqual(texts ?? ['', ''], [monthFirst, dayFirst]);
  });
}

test('a time in ISO 8601 is UTC unless it says otherwise', () => {
  const cases: [string, number | undefined][] = [
    ['2026-11-29T10:00:00', Date.UTC(2026, 10, 29, 10)],
    ['2026-11-29T10:00:00.1234567Z', Date.UTC(2026, 10, 29, 10, 0, 0, 123)],
    ['2026-11-29 10:00', Date.UTC(2026, 10, 29, 10)],
    ['2026-11-29T10:00:00+02:00', Date.UTC(2026, 10, 29, 8)],
    ['2026-13-29T10:00:00', undefined],
    ['yesterday', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(isoTime(text), expected, text);
});
