import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import {
  type PoolTag,
  poolTag,
  tagBytesText,
  tagLiteral,
  tagPathSegment,
  tagUlongText,
} from '../../data/pool-tag.ts';
import { projectFile } from '../../data/project-files.ts';
import { type TagCandidate, tagReadings } from '../../data/tag-readings.ts';
import { stopwatch } from '../stopwatch.ts';

const vectors = readFileSync(projectFile('test', 'vectors', 'tag-readings.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'));

for (const vector of vectors) {
  const [input, expected, as, reason] = vector.split(' => ');
  test(`${input} is read as ${expected}: ${reason}`, () => {
    const read = tagReadings(JSON.parse(input));
    const [, kind, argument] = /^(pattern|problem) (".*")$/.exec(expected) ?? [];
    if (kind === 'pattern') {
      assert.deepEqual(read, { kind, pattern: JSON.parse(argument) });
    } else if (kind === 'problem') {
      assert.equal(read.kind, 'problem');
      assert.ok('message' in read && read.message.includes(JSON.parse(argument)), JSON.stringify(read));
    } else {
      assert.equal(read.kind, 'readings');
      const { candidates } = read as { candidates: TagCandidate[] };
      assert.deepEqual(
        candidates.map(candidate => candidate.tag),
        JSON.parse(`[${expected.replace(/" "/g, '","')}]`),
      );
      assert.equal(candidates[0].as, as);
      assert.equal(candidates[0].isPlain, as === 'plain');
    }
  });
}

function firstReading(input: string): PoolTag | undefined {
  const read = tagReadings(input);
  return read.kind === 'readings' ? read.candidates[0].tag : undefined;
}

const byte = fc.integer({ min: 0, max: 255 });
const anyTag = fc
  .tuple(
    byte,
    byte,
    byte,
    byte.filter(last => last < 0x80),
  )
  .filter(bytes => bytes.some(one => one !== 0))
  .map(bytes => poolTag(String.fromCharCode(...bytes)));
const anyTagAndBit = fc
  .tuple(byte, byte, byte, byte)
  .filter(bytes => bytes[0] + bytes[1] + bytes[2] + (bytes[3] & 0x7f) !== 0)
  .map(bytes => poolTag(String.fromCharCode(...bytes)));

test('every tag is read back from its ULONG, its bytes and its source literal', () => {
  fc.assert(
    fc.property(anyTag, tag => {
      assert.equal(firstReading(tagUlongText(tag)), tag);
      assert.equal(firstReading(tagUlongText(tag).slice(2)), tag);
      assert.equal(firstReading(tagBytesText(tag)), tag);
      assert.equal(firstReading(tagLiteral(tag)), tag);
    }),
  );
});

test('the path segment of a tag leads back to it, the last byte above 0x7F included', () => {
  fc.assert(
    fc.property(anyTagAndBit, tag => {
      assert.equal(firstReading(decodeURIComponent(tagPathSegment(tag))), tag);
      assert.match(tagPathSegment(tag), /^[\w.%-]+$/);
    }),
    { numRuns: 2000 },
  );
});

test('the protected bit is said, and the name is the one without it', () => {
  const read = tagReadings('0xE56B6F54');
  assert.ok(read.kind === 'readings');
  assert.deepEqual(read.candidates[0], {
    tag: 'Toke',
    as: 'ULONG, protected bit removed',
    isPlain: false,
    isProtected: true,
  });
});

test('any input gives distinct four-byte tags, a four-character pattern or a sentence', () => {
  const pieces = fc.constantFrom(
    '%',
    '%41',
    '%00',
    "'",
    '"',
    '`',
    '\\',
    '\\x',
    '\\0',
    '0x',
    'h',
    '?',
    '*',
    ' ',
    'a',
    '\xe9',
    '\0',
  );
  const inputs = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 9 }).map(parts => parts.join('')),
  );
  fc.assert(
    fc.property(inputs, input => {
      const read = tagReadings(input);
      if (read.kind === 'problem') assert.match(read.message, /^".*" is not a pool tag: .+\.$/);
      else if (read.kind === 'pattern') assert.match(read.pattern, /^[\s\S]{4}$/);
      else {
        const tags = read.candidates.map(candidate => poolTag(candidate.tag));
        assert.ok(tags.length > 0);
        assert.equal(new Set(tags).size, tags.length);
      }
    }),
    { numRuns: 3000 },
  );
});

test('a printable tag without marks of its own is read plainly first', () => {
  const letters = fc.string({
    unit: fc.constantFrom(...'ABCxyz019 .;:@>+-_!#$'),
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(fc.property(letters, text => firstReading(text) === text));
});

test('a huge input is answered at once with a short message', () => {
  for (const unit of ['a', ' ', '%41', '\\x41', "'", '"', '%', '\u{1f600}']) {
    const takenMs = stopwatch();
    const read = tagReadings(unit.repeat(3_000_000));
    assert.ok(takenMs() < 1000);
    assert.ok(read.kind === 'problem' && read.message.length < 1000);
  }
});
