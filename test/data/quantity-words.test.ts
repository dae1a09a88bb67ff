import assert from 'node:assert/strict';
import test from 'node:test';
import { sparkline } from '../../api/leaks/sparkline.ts';
import {
  bytesInWords,
  count,
  counted,
  fractionInWords,
  hoursInWords,
  listInWords,
  shareInWords,
} from '../../data/quantity-words.ts';

const WORDS: [string, string][] = [
  [bytesInWords(0), '0 bytes'],
  [bytesInWords(0.4), '0 bytes'],
  [bytesInWords(1), '1 byte'],
  [bytesInWords(912), '912 bytes'],
  [bytesInWords(1024), '1 KB'],
  [bytesInWords(1434), '1.4 KB'],
  [bytesInWords(1024 * 1024 - 1), '1 MB'],
  [bytesInWords(2.94 * 1024 ** 2), '2.94 MB'],
  [bytesInWords(28.56 * 1024 ** 2), '28.6 MB'],
  [bytesInWords(156097152), '149 MB'],
  [bytesInWords(-1434), '-1.4 KB'],
  [bytesInWords(2 ** 53), '8 PB'],
  [bytesInWords(2 ** 70), '1,048,576 PB'],
  [count(1234567), '1,234,567'],
  [count(-1234), '-1,234'],
  [fractionInWords(0.25), '0.25'],
  [fractionInWords(12.34), '12.3'],
  [fractionInWords(12345.6), '12,346'],
  [counted(1, 'tag'), '1 tag'],
  [counted(2034, 'tag'), '2,034 tags'],
  [hoursInWords(23.5), '23.5 hours'],
  [hoursInWords(1), '1 hour'],
  [hoursInWords(36), '36 hours'],
  [hoursInWords(72), '3 days'],
  [hoursInWords(24), '24 hours'],
  [hoursInWords(0.5), '30 minutes'],
  [hoursInWords(1 / 60), '1 minute'],
  [hoursInWords(5 / 3600), '5 seconds'],
  [hoursInWords(24 * 365.25 * 3), '3 years'],
  [hoursInWords(Number.POSITIVE_INFINITY), 'more than a hundred years'],
  [hoursInWords(-3), '0 seconds'],
  [shareInWords(0.42), '42 %'],
  [shareInWords(0.001), 'less than 1 %'],
  [shareInWords(0), '0 %'],
  [listInWords(['A']), 'A'],
  [listInWords(['A', 'B']), 'A and B'],
  [listInWords(['A', 'B', 'C', 'D', 'E']), 'A, B and 3 others'],
  [listInWords([]), ''],
  [sparkline([1, 2, 3, 4, 5, 6, 7, 8]), '▁▂▃▄▅▆▇█'],
  [sparkline([5, 5, 5]), '▄▄▄'],
  [sparkline([1, null, 8]), '▁ █'],
  [sparkline([1]), ''],
  [sparkline([null, null]), ''],
  [sparkline([0, 0, 0, 9, 0, 0, 0, 0], 4), '▁█▁▁'],
];
for (const [words, expected] of WORDS) {
  test(`${JSON.stringify(expected)} is said so.`, () => assert.equal(words, expected));
}

test('A line of many points has bounded width, and keeps a burst.', () => {
  const line = sparkline(Array.from({ length: 500 }, (_, i) => (i === 250 ? 100 : 1)));
  assert.equal([...line].length, 32);
  assert.equal(line.split('█').length, 2);
});
