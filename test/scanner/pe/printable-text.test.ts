/** Text from files is shown only once it can do no harm. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { printableText } from '../../../scanner/pe/printable-text.ts';

const vectors: [input: string, expected: string, why: string][] = [
  ['Contoso', 'Contoso', 'plain text stays'],
  ['  Contoso\0\0', 'Contoso', 'blanks and NULs at the ends go'],
  ['\u001b]0;owned\u0007x', ']0;ownedx', 'terminal sequences lose their escape'],
  ['sys.\u202evbs', 'sys.vbs', 'a bidirectional override cannot turn a name round'],
  ['a\u200bb\u2028c', 'abc', 'invisible and line separators go'],
  ['株式会社', '株式会社', 'every script is welcome'],
  ['\ud800x', 'x', 'a lone surrogate goes'],
  ['<b>', '<b>', 'markup is the page’s business'],
];
for (const [input, expected, why] of vectors) {
  test(`${JSON.stringify(input)} becomes ${JSON.stringify(expected)}: ${why}`, () => {
    assert.equal(printableText(input, 100), expected);
  });
}

test('Any text comes out bounded, well-formed and without controls', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(50), (text, maxLength) => {
      const shown = printableText(text, maxLength);
      assert.ok(shown.length <= maxLength);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}]/u);
    }),
  );
});
