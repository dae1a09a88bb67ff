import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { alignColumns, escapeControls, wrapText } from '../../api/terminal-text.ts';

// text, as shown, reason
const ESCAPED: [string, string, string][] = [
  ['plain text, é and 漢', 'plain text, é and 漢', 'letters of any script stay'],
  ['\u001b[31mred', '\\x1B[31mred', 'the escape character steers a terminal'],
  ['a\r\nb\t', 'a\\x0D\\x0Ab\\x09', 'so do line ends, in a name'],
  ['\u009b2J', '\\x9B2J', 'one character can begin a sequence too'],
  ['exe.\u202etxt', 'exe.\\u202Etxt', 'the direction of writing hides an extension'],
  ['a\u200bb', 'a\\u200Bb', 'a blank of no width'],
  ['\ud800x', '\\uD800x', 'half a character'],
  ['😀', '😀', 'a whole one'],
];
for (const [text, shown, reason] of ESCAPED) {
  test(`${JSON.stringify(text)} is shown as ${shown}: ${reason}.`, () => {
    assert.equal(escapeControls(text), shown);
  });
}

test('No text whatever keeps a control character.', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      assert.doesNotMatch(escapeControls(text), /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
    }),
  );
});

test('Wrapped lines fit, and joined again they are the text.', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
      fc.integer({ min: 12, max: 40 }),
      (words, width) => {
        const lines = wrapText(words.join(' '), width);
        assert.ok(lines.every(line => line.length <= width));
        assert.equal(lines.join(' '), words.join(' '));
      },
    ),
  );
});

test('A word longer than the line keeps its own line, and an endless line is not wrapped.', () => {
  assert.deepEqual(wrapText('a https://example.org/long b', 10), ['a', 'https://example.org/long', 'b']);
  assert.deepEqual(wrapText('a b c', Number.POSITIVE_INFINITY), ['a b c']);
});

test('Columns line up by what is seen of them; a cell past the limit pushes its own row alone.', () => {
  const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;
  assert.deepEqual(
    alignColumns(
      [
        [bold('ab'), 'x', 'end'],
        ['abcd', 'yy', 'end'],
        ['a', 'much too long', 'end'],
      ],
      5,
    ),
    [`${bold('ab')}    x   end`, 'abcd  yy  end', 'a     much too long  end'],
  );
});
