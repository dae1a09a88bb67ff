import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { DriverIdentity, Evidence, ScannedDriver } from '../../data/facts.ts';
import { localtagFacts } from '../../data/localtag-facts.ts';
import { isPattern, poolTag, tagText } from '../../data/pool-tag.ts';
import { readTagList } from '../../data/pooltag-txt.ts';
import { type TagListFact, writeLocaltagTxt, writePooltagTxt } from '../../data/pooltag-txt-writer.ts';
import { NO_FACTS } from './plain-identity.ts';

function fact(tag: string, image: string | null, meaning: string | null): TagListFact {
  return { tag: poolTag(tag), isPattern: isPattern(tag), image, meaning };
}

function readBack(text: string): TagListFact[] {
  const list = readTagList(Buffer.from(text, 'latin1'), 'x');
  return list.entries.map(({ tag, isPattern, image, meaning }) => ({ tag, isPattern, image, meaning }));
}

test('each fact is a line of the documented form, in ASCII with CR LF, below a comment', () => {
  const { text, remarks } = writePooltagTxt([
    fact('Aaaa', 'foo.sys', 'Frames'),
    fact('Io  ', 'nt!xy', 'Packets - of all kinds'),
    fact('Ab??', null, 'Anything'),
    fact('G   ', 'a-rather-long-name.sys', null),
  ]);
  assert.deepEqual(remarks, []);
  const lines = text.split('\r\n');
  const header = lines.slice(0, lines.indexOf(''));
  assert.ok(header.every(line => line.startsWith('rem')));
  assert.deepEqual(lines.slice(header.length + 1), [
    'Aaaa - foo.sys      - Frames',
    'Io   - nt!xy        - Packets - of all kinds',
    'Ab?? - <unknown>    - Anything',
    'G    - a-rather-long-name.sys -',
    '',
  ]);
});

const UNHOLDABLE: [string, boolean, string][] = [
  ['rem ', false, 'is a comment'],
  ['REM ', false, 'is a comment'],
  ['//ab', false, 'is a comment'],
  [' abc', false, 'begins with a blank'],
  ['    ', false, 'begins with a blank'],
  ['Abc\0', false, 'not a printable ASCII character'],
  ['A\x1bbc', false, 'not a printable ASCII character'],
  ['Caf\xe9', false, 'not a printable ASCII character'],
  ['Abc\x7f', false, 'not a printable ASCII character'],
  ['Gen?', false, 'wildcard'],
  ['Gen*', false, 'wildcard'],
  ['a*bc', false, 'wildcard'],
  ['a*b?', true, 'wildcards'],
  ['Abcd', true, 'wildcards'],
];
for (const [tag, isWildcard, reason] of UNHOLDABLE) {
  test(`${JSON.stringify(tag)} is left out of a list ${isWildcard ? 'as a pattern' : 'as a tag'}: ${reason}`, () => {
    const facts = [fact('Aaaa', 'foo.sys', null), { ...fact(tag, 'x.sys', 'X'), isPattern: isWildcard }];
    const { text, remarks } = writePooltagTxt([...facts, ...facts]);
    assert.deepEqual(
      readBack(text).map(one => one.tag),
      ['Aaaa', 'Aaaa'],
    );
    assert.deepEqual(
      remarks.map(remark => remark.kind),
      ['left-out'],
    );
    assert.ok(remarks[0].message.includes(reason), remarks[0].message);
  });
}

test('an owner or description that the file cannot hold is simplified, and that is said', () => {
  const { text, remarks } = writePooltagTxt([
    fact('Aaaa', 'foo - bar.sys', 'caf\xe9 \u2013 \u201cround\u201d\r\nmore'),
    fact('Bbbb', '<unknown>', '  '),
    fact('Cccc', '-x.sys', 'a'.repeat(2000)),
  ]);
  const back = readBack(text);
  assert.deepEqual(back.slice(0, 2), [
    fact('Aaaa', 'foo- bar.sys', 'cafe - "round"  more'),
    fact('Bbbb', null, null),
  ]);
  assert.equal(back[2].image, 'x.sys');
  assert.match(back[2].meaning ?? '', /^a{400,}\.\.\.$/);
  assert.deepEqual(
    remarks.map(remark => [remark.tag, remark.kind]),
    [
      ['Aaaa', 'changed'],
      ['Aaaa', 'changed'],
      ['Bbbb', 'changed'],
      ['Bbbb', 'changed'],
      ['Cccc', 'changed'],
      ['Cccc', 'changed'],
    ],
  );
});

const tagCharacter = fc.oneof(
  fc.constantFrom(...' -/?*rem'),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
  fc.integer({ min: 0, max: 255 }).map(byte => String.fromCharCode(byte)),
);
const pieces = fc.constantFrom(
  ' - ',
  '-',
  '--',
  ' ',
  '  ',
  '\t',
  '\r\n',
  'foo.sys',
  'nt!xy',
  '::',
  '<unknown>',
  '=',
  'rem',
  '\xe9',
  '\u2014',
  '\u0301',
  '\x1a',
  '\x00',
);
const words = fc.option(
  fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.array(pieces, { maxLength: 6 }).map(parts => parts.join('')),
    fc.string({ unit: fc.constantFrom(...'abc.!- <>='), maxLength: 30 }),
  ),
);
const anyFact = fc
  .record({
    characters: fc.array(tagCharacter, { minLength: 4, maxLength: 4 }),
    image: words,
    meaning: words,
  })
  .map(({ characters, image, meaning }) => fact(characters.join(''), image, meaning));

test('what is written is read back: as it was where nothing is remarked, in order, and once changed it stays', () => {
  fc.assert(
    fc.property(fc.array(anyFact, { maxLength: 8 }), facts => {
      for (const write of [writePooltagTxt, writeLocaltagTxt]) {
        const { text, remarks } = write(facts);
        assert.match(text, /^(?:[ -~]*\r\n)*$/);
        const leftOut = new Set(remarks.filter(({ kind }) => kind === 'left-out').map(({ tag }) => tag));
        const changed = new Set(remarks.filter(({ kind }) => kind === 'changed').map(({ tag }) => tag));
        const back = readBack(text);
        const kept = facts.filter(one => !leftOut.has(tagText(one.tag)));
        assert.deepEqual(
          back.map(one => one.tag),
          kept.map(one => one.tag),
        );
        kept.forEach((one, i) => {
          if (!changed.has(tagText(one.tag))) assert.deepEqual(back[i], one);
        });
        const again = write(back);
        assert.deepEqual(again, { text, remarks: [] });
        if (back.length > 0) assert.equal(readTagList(text, 'x').remarks.length, 0);
      }
    }),
    { numRuns: 3000 },
  );
});

function driver(
  fileName: string,
  facts: Partial<DriverIdentity>,
  sightings: Record<string, Evidence['kind'][]>,
): ScannedDriver {
  return {
    status: 'scanned',
    driver: {
      fileName,
      sha256: fileName,
      sizeBytes: 1,
      arch: 'x64',
      ...NO_FACTS,
      ...facts,
    },
    sightings: Object.entries(sightings).map(([tag, kinds]) => ({
      tag: poolTag(tag),
      id: '',
      protected: false,
      evidence: kinds.map(kind => ({ kind })),
    })),
    remarks: [],
    partial: false,
  };
}

test('a localtag.txt has one line per tag and driver file, without tags that are only four bytes', () => {
  const facts = localtagFacts([
    driver(
      'foo.sys',
      { description: 'Contoso filter', company: 'Contoso' },
      { Zzzz: ['allocation-call'], Aaaa: ['literal'] },
    ),
    driver('bar.sys', { company: 'Contoso' }, { Zzzz: ['literal', 'free-call'], Bbbb: ['family-literal'] }),
    driver('FOO.SYS', { description: 'Another copy' }, { Zzzz: ['allocation-call'] }),
    driver('baz.sys', {}, { Cc__: ['default-tag'] }),
  ]);
  const { text, remarks } = writeLocaltagTxt(facts);
  assert.deepEqual(remarks, []);
  assert.deepEqual(readBack(text), [
    fact('Cc__', 'baz.sys', null),
    fact('Zzzz', 'bar.sys', 'Contoso'),
    fact('Zzzz', 'foo.sys', 'Contoso filter'),
  ]);
});
