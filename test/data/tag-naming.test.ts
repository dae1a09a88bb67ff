import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { poolTag, tagLiteral } from '../../data/pool-tag.ts';
import { candidatesFor, macroPrefix, stemsOf, wordsOfName } from '../../data/tag-naming.ts';
import { tagReadings } from '../../data/tag-readings.ts';

const WORDS: [name: string, words: string[], reason: string][] = [
  ['Contoso Filter', ['Contoso', 'Filter'], 'words as they stand'],
  ['contoso_filter.sys', ['Contoso', 'Filter'], 'a file name'],
  ['ContosoFilter', ['Contoso', 'Filter'], 'capitals begin words'],
  ['USBFilter', ['USB', 'Filter'], 'an abbreviation before a word'],
  ['3ware RAID', ['Ware', 'RAID', '3'], 'digits go to the end'],
  ['1394', ['Drv', '1394'], 'only digits: a driver'],
  ['Überwachung', ['Uberwachung'], 'marks come off'],
  ['<b>"', ['B'], 'signs are no letters'],
  ['a b c d e f g h i j', ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'], 'no more than eight'],
  ['x'.repeat(10_000), [`X${'x'.repeat(199)}`], 'no more than two hundred characters'],
  ['', [], 'empty'],
  ['   ', [], 'blank'],
  ['\u{1F600}\u65e5\u672c', [], 'no letter of A to Z'],
  ['.sys', [], 'an ending alone'],
];
for (const [name, words, reason] of WORDS) {
  test(`${JSON.stringify(name.slice(0, 40))} is ${words.length} words: ${reason}.`, () => {
    assert.deepEqual(wordsOfName(name), words);
  });
}

// name, the first candidates
const FIRST: [name: string, tags: string[]][] = [
  ['Contoso Filter', ['Cont', 'CoFi', 'CFlt', 'Cnts', 'CFil', 'ConF']],
  ['Contoso Disk Encryption Filter', ['Cont', 'CDEF', 'CoDi']],
  ['X', ['XDrv', 'XDr0']],
  ['1234', ['Dr12', 'D123']],
];
for (const [name, tags] of FIRST) {
  test(`The first candidates for ${name} are ${tags.join(', ')}.`, () => {
    assert.deepEqual(
      candidatesFor(wordsOfName(name))
        .slice(0, tags.length)
        .map(({ tag }) => tag),
      tags,
    );
  });
}

test('Every name with a letter or digit has candidates enough, each valid, once, with its literal reading back.', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), name => {
      const words = wordsOfName(name);
      const candidates = candidatesFor(words);
      if (words.length === 0) return assert.deepEqual(candidates, []);
      assert.ok(candidates.length >= 60, `${candidates.length} for ${words}`);
      assert.equal(new Set(candidates.map(({ tag }) => tag)).size, candidates.length);
      for (const { tag, how } of candidates) {
        assert.match(tag, /^[A-Za-z][A-Za-z0-9]{3}$/);
        assert.ok(how.length > 0 && how.length < 200, how);
        const read = tagReadings(tagLiteral(poolTag(tag)));
        assert.ok(read.kind === 'readings' && read.candidates[0]?.tag === tag, tag);
      }
      for (const stem of stemsOf(words)) assert.match(stem, /^[A-Za-z][A-Za-z0-9]{2}$/);
      assert.match(macroPrefix(words), /^[A-Z][A-Z]*$/);
    }),
  );
});
