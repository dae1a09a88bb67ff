import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { renderMarkdown } from '../../api/markdown.ts';
import { counted, evidencePhrase, summaryPhrase } from '../../api/page-models/evidence-phrases.ts';
import { pagerOf, pathWith } from '../../api/page-models/pager.ts';
import { proseParts } from '../../api/page-models/prose-parts.ts';
import { sourceLinks } from '../../api/page-models/source-links.ts';
import { copyableTag, tagParts } from '../../api/page-models/tag-text.ts';
import { renderPage } from '../../api/render-page.ts';

const TAGS: [tag: string, shown: string, reason: string][] = [
  ['Thre', 'Thre', 'letters stand together'],
  ['CM  ', 'CM[ ][ ]', 'each blank is a part of its own, so that each gets a dot'],
  [' a b', '[ ]a[ ]b', 'blanks stand anywhere'],
  ['Caf\xe9', 'Caf{\\xE9}', 'a byte outside ASCII is an escape'],
  ['Io\0\0', 'Io{\\x00}{\\x00}', 'NUL is no character to show'],
  ['<b>"', '<b>"', 'escaping is for the template'],
];

test('a tag is shown in parts: text, blanks and other bytes', () => {
  for (const [tag, shown, reason] of TAGS) {
    const parts = tagParts(tag).map(({ text, isBlank, isByte }) =>
      isBlank ? `[${text}]` : isByte ? `{${text}}` : text,
    );
    assert.equal(parts.join(''), shown, reason);
  }
});

test('the parts of a printable tag give the tag back, blanks included', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 4, maxLength: 4 }), tag => {
      assert.equal(
        tagParts(tag)
          .map(({ text }) => text)
          .join(''),
        tag,
      );
      assert.equal(copyableTag(tag), tag);
    }),
  );
});

test('a tag with bytes that no text holds is not copied as text', () => {
  assert.equal(copyableTag('Io\0\0'), null);
  assert.equal(copyableTag('Caf\xe9'), null);
});

const PROSE: [text: string | null, shown: string, reason: string][] = [
  ['plain', 'plain', 'no mark'],
  ['run `!vm 1` now', 'run <!vm 1> now', 'backticks mark what is typed'],
  ['`a``b`', '<a><b>', 'side by side'],
  ['a ` b', 'a ` b', 'a lone backtick stays'],
  ['``', '``', 'nothing between them'],
  ['', '', 'nothing'],
  [null, '', 'missing'],
];

test('prose is taken apart at backticks', () => {
  for (const [text, shown, reason] of PROSE) {
    const parts = proseParts(text).map(part => (part.isCode ? `<${part.text}>` : part.text));
    assert.equal(parts.join(''), shown, reason);
  }
});

test('evidence is counted by kind, the strongest kind first', () => {
  const evidence = [
    { kind: 'free-call' as const },
    { kind: 'allocation-call' as const },
    { kind: 'free-call' as const },
  ];
  assert.equal(evidencePhrase(evidence), '1 allocation call, 2 free calls');
  assert.equal(summaryPhrase(['wrapper-call'], 4), '4 calls by a wrapper');
  assert.equal(summaryPhrase(['allocation-call', 'free-call'], 14), '14 sites: allocation calls, free calls');
  assert.equal(counted(4647, 'tag', 'tags'), '4,647 tags');
});

const PAGERS: [total: number, page: number, previous: string | null, next: string | null, reason: string][] =
  [
    [0, 1, null, null, 'nothing to turn'],
    [10, 1, null, null, 'exactly one page'],
    [11, 1, null, '/p?page=2', 'one more than a page holds'],
    [11, 2, '/p?page=1', null, 'the last page'],
    [11, 99, '/p?page=2', null, 'from beyond the end back to the last page'],
  ];

test('the pager leads to pages that exist', () => {
  for (const [total, page, previous, next, reason] of PAGERS) {
    const pager = pagerOf(total, page, 10, to => pathWith('/p', { page: to }));
    assert.deepEqual([pager.previous, pager.next], [previous, next], reason);
  }
});

test('a source is linked only to the web or to a page of ours', () => {
  const sources = [
    ['pooltag-list', null],
    ['C:\\Kits\\pooltag.txt', null],
    ['A blog', 'https://example.com/a'],
    ['scan of foo.sys', '/drivers/00'],
    ['Evil', 'javascript:alert(1)'],
    ['Elsewhere', '//example.com'],
  ] as const;
  assert.deepEqual(sourceLinks(sources.map(([name, url]) => ({ name, url }))), [
    { name: 'Pooltag list', url: null },
    { name: 'your pooltag.txt', url: null },
    { name: 'A blog', url: 'https://example.com/a' },
    { name: 'scan of foo.sys', url: '/drivers/00' },
    { name: 'Evil', url: null },
    { name: 'Elsewhere', url: null },
  ]);
});

test('Markdown gives headings with ids of their own and shows raw HTML as text', () => {
  const { html, contents } = renderMarkdown(
    '## Main\n\n<script>alert(1)</script>\n\n## Main\n\n[a](javascript:alert(1))\n\n```\ncode\n```\n\n|a|\n|-|\n|b|\n',
  );
  assert.deepEqual(contents, [
    { id: 'main-2', text: 'Main' },
    { id: 'main-3', text: 'Main' },
  ]);
  assert.ok(!html.includes('<script'), html);
  assert.ok(!html.includes('href="javascript'), html);
  assert.match(html, /<pre tabindex="0">/);
  assert.match(html, /<div class="table"><table>/);
});

test('a template that names what its model lacks is an error', () => {
  assert.throws(() => renderPage('opensearch', {}), /not defined/);
  assert.throws(() => renderPage('no-such-page', {}), /no template/);
});

test('characters that change how text reads are written out', () => {
  const text = renderPage('opensearch', { origin: 'a\u202eb\0c', icon: '<"\'&' });
  assert.match(text, /a\\u202Eb\\u0000c&lt;&quot;&#x27;&amp;/);
});
