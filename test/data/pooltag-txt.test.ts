import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { readTagList } from '../../data/pooltag-txt.ts';
import { projectFile } from '../../data/project-files.ts';
import { stopwatch } from '../stopwatch.ts';

const vectors = readFileSync(projectFile('test', 'vectors', 'pooltag-lines.txt'), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'));

/** Makes the form of the sample plain, so that single lines are read as lines of a pooltag.txt. */
const FRAME = 'Xxx1 - x.sys - First\nXxx2 - x.sys - Second\nXxx3 - x.sys - Third\n';

for (const vector of vectors) {
  const [line, expected, reason] = vector.split(' => ');
  test(`the line ${line} is ${expected}: ${reason}`, () => {
    const list = readTagList(`${FRAME}${JSON.parse(line)}\n`, 'sample.txt');
    assert.equal(list.form, 'pooltag');
    assert.equal(list.lines.total, 4);
    const { comments, blanks, unreadable, entries } = list.lines;
    if (expected === 'comment') assert.deepEqual([comments, blanks, unreadable, entries], [1, 0, 0, 3]);
    else if (expected === 'blank') assert.deepEqual([comments, blanks, unreadable, entries], [0, 1, 0, 3]);
    else if (expected === 'remark') {
      assert.deepEqual([comments, blanks, unreadable, entries], [0, 0, 1, 3]);
      assert.equal(list.remarks.length, 1);
      assert.equal(list.remarks[0].line, 4);
    } else {
      const [tag, image, meaning] = JSON.parse(
        `[${expected.replace(/(?<=^"....|null|") (?=null|")/g, ',')}]`,
      );
      const entry = list.entries[3];
      assert.deepEqual(
        { tag: entry.tag, image: entry.image, meaning: entry.meaning },
        { tag, image, meaning },
      );
      assert.equal(entry.isPattern, /\?|\*/.test(tag));
    }
  });
}

const SAMPLE = [
  '//',
  'rem    Sample list, version 10.0.12345',
  '',
  'Aaaa - foo.sys      - Frames',
  'Aa?? - foo.sys      - Anything of foo',
  '       <unknown>',
  'Aaaa - nt!xy        - Frames, verified',
  'Caf\u00e9 - bar.sys - Cups',
  'Aaaa - foo.sys      - Frames',
];

test('every line is counted once, further owners are kept in order, and the version is found', () => {
  const list = readTagList(SAMPLE.join('\r\n'), 'C:\\lists\\sample.txt');
  assert.deepEqual(list.lines, { total: 9, entries: 5, comments: 2, blanks: 1, unreadable: 1 });
  assert.deepEqual(
    list.entries.filter(entry => entry.tag === 'Aaaa').map(entry => entry.image),
    ['foo.sys', 'nt!xy', 'foo.sys'],
  );
  assert.deepEqual(list.duplicateLines, [7, 9]);
  assert.equal(list.tagCount, 3);
  assert.equal(list.version, '10.0.12345');
  assert.deepEqual(
    list.remarks.map(remark => [remark.line, remark.text]),
    [[6, '       <unknown>']],
  );
  assert.deepEqual(list.entries[0], {
    tag: 'Aaaa',
    isPattern: false,
    image: 'foo.sys',
    component: null,
    meaning: 'Frames',
    list: 'C:\\lists\\sample.txt',
    sources: [{ name: 'C:\\lists\\sample.txt', url: null }],
  });
});

test('the encoding and the line ends make no difference', () => {
  const expected = readTagList(SAMPLE.join('\n'), 'x').entries;
  for (const end of ['\n', '\r\n', '\r', '\r\n\x1a']) {
    const text = SAMPLE.join(end.replace('\x1a', '')) + end;
    const bytesOf = {
      utf8: Buffer.from(text, 'utf8'),
      'utf8 with mark': Buffer.from(`\ufeff${text}`, 'utf8'),
      utf16le: Buffer.from(text, 'utf16le'),
      'utf16le with mark': Buffer.from(`\ufeff${text}`, 'utf16le'),
      'utf16be with mark': Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
      latin1: Buffer.from(text, 'latin1'),
    };
    for (const [name, bytes] of Object.entries(bytesOf)) {
      assert.deepEqual(
        readTagList(new Uint8Array(bytes), 'x').entries,
        expected,
        `${name} ${JSON.stringify(end)}`,
      );
    }
    assert.deepEqual(readTagList(text, 'x').entries, expected);
  }
});

const LOCALTAGS: [string, string[], [string, string][]][] = [
  [
    'tag, dash, driver',
    ['Aaaa - foo', 'Bb   - bar.sys', 'Cc - baz'],
    [
      ['Aaaa', 'foo'],
      ['Bb  ', 'bar.sys'],
      ['Cc  ', 'baz'],
    ],
  ],
  [
    'tag and driver',
    ['Aaaa foo', 'Bb   bar.sys', 'Cc baz', 'Dddd [qux]'],
    [
      ['Aaaa', 'foo'],
      ['Bb  ', 'bar.sys'],
      ['Cc  ', 'baz'],
      ['Dddd', 'qux'],
    ],
  ],
  [
    'tag and several drivers',
    ['Aaaa foo.sys bar.sys', 'Bbbb baz.sys, qux.sys'],
    [
      ['Aaaa', 'foo.sys'],
      ['Aaaa', 'bar.sys'],
      ['Bbbb', 'baz.sys'],
      ['Bbbb', 'qux.sys'],
    ],
  ],
  [
    'a driver and its tags on one line',
    ['foo.sys: Aaaa Bb', 'bar.sys - Cccc, Dddd'],
    [
      ['Aaaa', 'foo.sys'],
      ['Bb  ', 'foo.sys'],
      ['Cccc', 'bar.sys'],
      ['Dddd', 'bar.sys'],
    ],
  ],
  [
    'a driver and its tags below it',
    ['[foo]', 'Aaaa', 'Bb, Cc', '', '[bar.sys]', '  Dddd'],
    [
      ['Aaaa', 'foo'],
      ['Bb  ', 'foo'],
      ['Cc  ', 'foo'],
      ['Dddd', 'bar.sys'],
    ],
  ],
];

for (const [name, lines, expected] of LOCALTAGS) {
  test(`a localtag.txt is recognised by its lines: ${name}`, () => {
    const list = readTagList(['rem made on this computer', ...lines].join('\r\n'), 'x');
    assert.equal(list.form, 'localtag');
    assert.deepEqual(
      list.entries.map(entry => [entry.tag, entry.image]),
      expected,
    );
    assert.deepEqual(list.remarks, []);
  });
}

test('a localtag.txt with descriptions reads as any list does', () => {
  const list = readTagList('Aaaa - foo.sys - Contoso filter\nBbbb - bar.sys - Contoso bus\n', 'x');
  assert.deepEqual(
    list.entries.map(({ image, meaning }) => [image, meaning]),
    [
      ['foo.sys', 'Contoso filter'],
      ['bar.sys', 'Contoso bus'],
    ],
  );
});

test('a file that is no tag list is said to be none', () => {
  for (const content of [
    '',
    '\n\n',
    'int main(void)\n{\n}\n',
    'MZ\x90\0\x03\0\0\0',
    ' Thre Nonp   378580   24692   353888  220826112   624\n',
  ]) {
    const list = readTagList(Buffer.from(content, 'latin1'), 'notes.txt');
    assert.equal(list.form, null);
    assert.deepEqual(list.entries, []);
    assert.equal(list.remarks[0].line, 0);
    assert.match(list.remarks[0].message, /not a tag list.*<Tag> - <binary> - <description>/);
  }
});

test('whatever the content, each line is an entry, a comment, a blank or unreadable', () => {
  const pieces = fc.constantFrom(
    'Aaaa',
    ' - ',
    '-',
    'foo.sys',
    'rem ',
    '//',
    '\t',
    ' ',
    '[x]',
    ':',
    '?',
    '*',
    '\n',
    '\r\n',
    '\x1a',
    '\xe9',
    '\u20ac',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), parts => {
      const text = parts.join('');
      const { lines, entries, duplicateLines, tagCount } = readTagList(text, 'x');
      assert.equal(lines.entries + lines.comments + lines.blanks + lines.unreadable, lines.total);
      assert.equal(lines.total, text.split(/\r\n|\n|\r/).length - (/(^|[\r\n])$/.test(text) ? 1 : 0));
      assert.ok(duplicateLines.length <= lines.entries && tagCount <= entries.length);
      for (const { tag } of entries) assert.match(tag, /^[\x20-\x7e\xa0-\xff]{4}$/);
    }),
    { numRuns: 2000 },
  );
});

test('a hostile file is read in bounded time with bounded remarks and entries', () => {
  const files = [
    'a'.repeat(8_000_000),
    ' '.repeat(8_000_000),
    'x\n'.repeat(2_000_000),
    'Aaaa - b - c\n'.repeat(600_000),
    `${'\x1a'.repeat(1990)}a\n`.repeat(4000),
    `Aaaa ${' '.repeat(1980)}-\n`.repeat(4000),
    `Aaaa - ${'- '.repeat(900)}\n`.repeat(4000),
    `Aaaa - x${' '.repeat(1900)}y\n`.repeat(4000),
    '\0'.repeat(8_000_000),
  ];
  for (const file of files) {
    const takenMs = stopwatch();
    const list = readTagList(file, 'x');
    assert.ok(takenMs() < 10_000, JSON.stringify(file.slice(0, 20)));
    assert.ok(list.remarks.length <= 1002 && list.entries.length <= 200_000);
  }
});
