import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  isNameableUlong,
  isPattern,
  patternCovers,
  patternId,
  patternSpecificity,
  poolTag,
  type TagPattern,
  tagBytesText,
  tagFromId,
  tagFromUlong,
  tagId,
  tagLiteral,
  tagPathSegment,
  tagText,
  tagToBigEndian,
  tagToUlong,
  tagUlongText,
} from '../../data/pool-tag.ts';

// tag, id, ULONG, source literal, text, path segment, reason
const TAGS: [string, string, string, string, string, string, string][] = [
  ['Thre', '54687265', '0x65726854', "'erhT'", 'Thre', 'Thre', 'a plain tag'],
  ['CM  ', '434d2020', '0x20204D43', "'  MC'", 'CM  ', '0x20204D43', 'blanks are part of the tag'],
  [
    'Abc\0',
    '41626300',
    '0x00636241',
    "'cbA'",
    'Abc\\x00',
    '0x00636241',
    'a NUL at the end shortens the literal',
  ],
  ['a\0b\0', '61006200', '0x00620061', "'b\\000a'", 'a\\x00b\\x00', '0x00620061', 'a NUL inside stays'],
  [
    'Gh?:',
    '47683f3a',
    '0x3A3F6847',
    "':?hG'",
    'Gh?:',
    '0x3A3F6847',
    'characters that an address gives a meaning',
  ],
  ["a'\\b", '61275c62', '0x625C2761', "'b\\\\\\'a'", "a'\\b", '0x625C2761', 'quote and backslash'],
  [
    '\xe9abc',
    'e9616263',
    '0x636261E9',
    "'cba\\351'",
    '\\xE9abc',
    '0x636261E9',
    'octal: C reads hex escapes as far as it can',
  ],
  [
    'Caf\xe9',
    '436166e9',
    '0xE9666143',
    "'\\351faC'",
    'Caf\\xE9',
    'Caf%5CxE9',
    'as a ULONG its last byte would look protected',
  ],
  ['0x41', '30783431', '0x31347830', "'14x0'", '0x41', '0x31347830', 'would be read as a number'],
  ['../.', '2e2e2f2e', '0x2E2F2E2E', "'./..'", '../.', '0x2E2F2E2E', 'no path'],
  ['a.b-', '612e622d', '0x2D622E61', "'-b.a'", 'a.b-', 'a.b-', 'dots and dashes are harmless inside'],
];
for (const [tag, id, ulong, literal, text, segment, reason] of TAGS) {
  test(`${JSON.stringify(tag)} is written in every form: ${reason}`, () => {
    const value = poolTag(tag);
    assert.deepEqual(
      [tagId(value), tagUlongText(value), tagLiteral(value), tagText(value), tagPathSegment(value)],
      [id, ulong, literal, text, segment],
    );
    assert.equal(tagFromId(id), value);
    assert.equal(tagFromUlong(Number(ulong)), value);
  });
}

const anyTag = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
  .map(bytes => poolTag(String.fromCharCode(...bytes)));

test('id and ULONG lead back to the tag, and the big-endian value sorts as the bytes do', () => {
  fc.assert(
    fc.property(anyTag, anyTag, (a, b) => {
      assert.equal(tagFromId(tagId(a)), a);
      assert.equal(tagFromUlong(tagToUlong(a)), a);
      assert.equal(tagToBigEndian(a) < tagToBigEndian(b), a < b);
      assert.equal(tagBytesText(a).replace(/ /g, '').toLowerCase(), tagId(a));
    }),
  );
});

test('only four one-byte characters make a tag, and only eight hex digits an id', () => {
  for (const text of ['', 'abc', 'abcde', 'ab\u20acd']) assert.throws(() => poolTag(text), RangeError);
  for (const id of ['', '5468726', '5468726G', 'p-54683f3f', '54687265\n'])
    assert.equal(tagFromId(id), undefined);
  assert.equal(patternId('Afd?' as TagPattern), 'p-4166643f');
});

test('a value names a tag when its four bytes are printable once the protected bit is gone', () => {
  for (const ulong of [0x65726854, 0xe5726854, 0x20202020, 0x7e7e7e7e]) assert.ok(isNameableUlong(ulong));
  for (const ulong of [0, 0x80000000, 0x00636241, 0x7f726854, 0x65720054, 0x6572e854])
    assert.ok(!isNameableUlong(ulong));
});

// pattern, whether it is one, how many characters it fixes, covered, not covered
const PATTERNS: [string, boolean, number, string, string][] = [
  ['Afd?', true, 3, 'AfdB', 'AfeB'],
  ['Afd*', true, 3, 'Afd ', 'afdB'],
  ['Ab* ', true, 2, 'Abcd', 'Acbd'],
  ['*   ', true, 0, 'Abcd', ''],
  ['Ab? ', true, 3, 'Abc ', 'Abcd'],
  ['?b?d', true, 2, 'Abcd', 'Abce'],
  ['a*bc', false, 4, 'a*bc', 'axbc'],
  ['Thre', false, 4, 'Thre', 'thre'],
];
for (const [pattern, isOne, fixed, covered, other] of PATTERNS) {
  test(`${JSON.stringify(pattern)} covers ${JSON.stringify(covered)} and fixes ${fixed} characters`, () => {
    assert.equal(isPattern(pattern), isOne);
    assert.equal(patternSpecificity(pattern), fixed);
    assert.ok(patternCovers(pattern, poolTag(covered)));
    if (other !== '') assert.ok(!patternCovers(pattern, poolTag(other)));
  });
}
