/** Words as a search compares them, typing errors between them, and the names that companies give themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { namePartsOf, wordsOf } from '../../data/search-words.ts';
import { allowedTypos, typosIn } from '../../data/typo-distance.ts';
import { vendorKey } from '../../data/vendor-name.ts';

const SPLITS: [text: string, words: string, parts: string, reason: string][] = [
  ['nt!ObReferenceObject', 'nt obreferenceobject', 'ob reference object', 'module!Function'],
  ['FLT_CONTEXT_REGISTRATION', 'flt context registration', '', 'underscores part words by themselves'],
  ['IRPStack', 'irpstack', 'irp stack', 'an abbreviation before a word'],
  ['x64 HTTPServer2', 'x64 httpserver2', '64 http server 2', 'digits, and no single letters'],
  ['Éditeur', 'editeur', '', 'accents and case folded'],
  ['北京 soft', '北 京 soft', '', 'each Chinese character'],
  ['?!', '', '', 'nothing but punctuation'],
];

for (const [text, words, parts, reason] of SPLITS) {
  test(`${JSON.stringify(text)} is split into words: ${reason}`, () => {
    assert.equal(
      wordsOf(text)
        .map(word => word.text)
        .join(' '),
      words,
    );
    assert.equal(
      namePartsOf(text)
        .map(word => word.text)
        .join(' '),
      parts,
    );
  });
}

test('Words stand where they say, in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      let last = 0;
      for (const { start, end } of wordsOf(text)) {
        assert.ok(start >= last && end > start && end <= text.length);
        last = end;
      }
    }),
  );
});

const ERRORS: [typed: string, word: string, isBeginning: boolean, typos: number | undefined][] = [
  ['registry', 'registry', false, 0],
  ['regsitry', 'registry', false, 1],
  ['regstry', 'registry', false, 1],
  ['regisstry', 'registry', false, 1],
  ['rgeistri', 'registry', false, 2],
  ['aegistxx', 'registry', false, undefined],
  ['derefe', 'dereference', true, 0],
  ['derfe', 'dereference', true, 1],
  ['derfe', 'dereference', false, undefined],
  ['256k', '256', false, undefined],
];
for (const [typed, word, isBeginning, typos] of ERRORS) {
  test(`"${typed}" ${isBeginning ? 'begins' : 'is'} "${word}" with ${typos ?? 'too many'} errors`, () => {
    assert.equal(typosIn(typed, word, 2, isBeginning), typos);
  });
}

test('Errors are counted as by the full table of edit distances', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 9 });
  fc.assert(
    fc.property(word, word, fc.constantFrom(1, 2), fc.boolean(), (typed, other, limit, isBeginning) => {
      const distance = fullDistance(typed, other, isBeginning);
      assert.equal(typosIn(typed, other, limit, isBeginning), distance > limit ? undefined : distance);
    }),
    { numRuns: 2_000 },
  );
});

test('Errors are allowed from four letters, two from eight, none in numbers', () => {
  assert.deepEqual(['abc', 'abcd', 'abcdefg', 'abcdefgh', '12345678'].map(allowedTypos), [0, 1, 1, 2, 0]);
});

const VENDORS: [company: string, key: string][] = [
  ['Microsoft Corporation', 'microsoft'],
  ['MICROSOFT CORP.', 'microsoft'],
  ['Intel(R) Corporation', 'intel'],
  ['Contoso Co., Ltd.', 'contoso'],
  ['A.B.C. Systems GmbH', 'abc systems'],
  ['Ltd', 'ltd'],
  ['!!!', ''],
];
for (const [company, key] of VENDORS) {
  test(`The vendor ${JSON.stringify(company)} is ${JSON.stringify(key)}`, () => {
    assert.equal(vendorKey(company), key);
  });
}

function fullDistance(a: string, b: string, isBeginning: boolean): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => i || j),
  );
  for (let i = 1; i <= a.length; i++) {
    rows[i]![0] = i;
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(change, rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  }
  return isBeginning ? Math.min(...rows[a.length]!) : rows[a.length]![b.length]!;
}
