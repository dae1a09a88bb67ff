import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { loadKnowledge } from '../../data/knowledge.ts';
import { ReadingSearch } from '../../data/reading-search.ts';

const reading = new ReadingSearch(loadKnowledge());
const found = (q: string) => reading.find(q).map(({ kind, id }) => `${kind} ${id}`);

const FIRST: [q: string, first: string, reason: string][] = [
  ['event 2019', 'guide events-2019-2020', 'a keyword'],
  ['events 2019', 'guide events-2019-2020', 'one or several'],
  ['handle leak', 'guide handle-leaks', 'words of a title'],
  ['handel leak', 'guide handle-leaks', 'a typing error'],
  ['How do I find a handle leak', 'guide handle-leaks', 'words that say nothing'],
  ['MmSt backup', 'article kb304101', 'a tag and a word'],
  ['mmst bakcup', 'article kb304101', 'both typed badly'],
  ['moz npcap', 'component npcap', 'a word that nothing has'],
  ['KB304101', 'article kb304101', 'a number of an article'],
  ['driver verifer', 'guide driver-verifier', 'a letter is missing'],
  ['ntfs', 'component ntfs', 'a component'],
  ['amdkmdag.sys', 'article windows-dev-performance-137', 'a file'],
  ['wsl', 'article wsl-40804', 'a short name'],
  ['handle leak afd slow socket', 'guide handle-leaks', 'most of the words'],
];
for (const [q, first, reason] of FIRST) {
  test(`"${q}" finds ${first}: ${reason}.`, () => assert.equal(found(q)[0], first));
}

for (const [q, reason] of [
  ['', 'nothing'],
  ['the', 'a word that says nothing'],
  ['Nt??', 'a pattern of tags'],
  ['n', 'one letter begins everything'],
  ['qqqqzzzzxxxx', 'nothing has it'],
] as const) {
  test(`"${q}" finds nothing to read: ${reason}.`, () => assert.deepEqual(found(q), []));
}

test('A tag finds its leaks and the components that own it, spelled as it is and no other word.', () => {
  const hits = found('NPBL');
  assert.ok(hits.includes('article npcap-318') && hits.includes('component npcap'), `${hits}`);
});

test('No more than asked for are given, each with a title and a summary.', () => {
  assert.equal(reading.find('leak', 2).length, 2);
  for (const { title, summary } of reading.find('leak')) assert.ok(title !== '' && summary.endsWith('.'));
});

test('Any text is answered.', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), q => reading.find(q).length <= 4));
});
