import assert from 'node:assert/strict';
import test from 'node:test';
import { tagBeforePool } from '../../../scanner/snapshots/poolmon-tag.ts';

/** What stands before the pool's name, where the title has its tag, the tag, and why. */
const CASES: [string, number | undefined, string | undefined, string][] = [
  [' Wait ', 1, 'Wait', 'as the screen aligns it'],
  [' Io   ', 1, 'Io  ', 'blanks at the end are part of it'],
  ['  rx  ', 1, ' rx ', 'a blank at the beginning is part of it'],
  ['  rx  ', 0, '  rx', 'the same bytes in the first column'],
  ['   rx ', 1, '  rx', 'two blanks at the beginning'],
  [' Dh 1 ', 1, 'Dh 1', 'a blank inside'],
  ['CM    ', 0, 'CM  ', 'the first column of Windows 2000'],
  ['HidC   ', undefined, 'HidC', 'a copy of a page without its title'],
  [' Io   ', undefined, 'Io  ', 'without a title'],
  [' Io   ', 0, 'Io  ', 'the title lost its leading blank, the row did not'],
  ['Io   ', 1, 'Io  ', 'the row lost its leading blank, the title did not'],
  ['Io ', 1, 'Io  ', 'flattened'],
  ['Dh 1 ', 1, 'Dh 1', 'flattened, a blank inside'],
  [' Io ', 1, 'Io  ', 'flattened, with a blank before'],
  ['> Io   ', 0, 'Io  ', 'quoted by a mail program'],
  ['>  Io   ', 1, 'Io  ', 'quoted, with its leading blank'],
  ['> Io ', 0, '> Io', 'not quoted: this is as wide as a tag'],
  ['>>> Thre ', 0, 'Thre', 'quoted three times'],
  ['\tThre ', 1, 'Thre', 'a tab before it'],
  ['12. Thre ', 1, 'Thre', 'numbered'],
  ['the tag Thre ', undefined, 'Thre', 'at the end of a sentence'],
  ['', 1, undefined, 'nothing'],
  ['      ', 1, undefined, 'blanks only'],
  ['threads ', 1, undefined, 'a word that is no tag'],
];

for (const [before, column, expected, reason] of CASES) {
  test(`the tag in ${JSON.stringify(before)} is ${JSON.stringify(expected)}: ${reason}`, () => {
    assert.equal(tagBeforePool(before, column)?.tag, expected);
  });
}

test('a character that is no byte makes a tag inexact', () => {
  assert.deepEqual(tagBeforePool(' a\u0398bc ', 1), { tag: 'a?bc', isInexact: true });
});
