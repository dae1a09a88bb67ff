import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Catalogue } from '../../api/catalogue.ts';
import { ExactIndex } from '../../api/exact-index.ts';
import { PooltagError } from '../../api/pooltag-error.ts';
import { MAX_PROPOSALS, suggestTags } from '../../api/suggest-tags.ts';
import { loadKnowledge } from '../../data/knowledge.ts';
import { isNameableUlong, poolTag, tagId, tagToUlong } from '../../data/pool-tag.ts';
import { readTagList } from '../../data/pooltag-txt.ts';
import { tagReadings } from '../../data/tag-readings.ts';
import { driver, evidence } from './sample-facts.ts';

/** The bundled knowledge, and a list and a driver that take what names in these tests would get. */
async function catalogueWith(lines: string[] = [], ...scanned: ReturnType<typeof driver>[]) {
  const list = readTagList(lines.map(line => `${line}\r\n`).join(''), 'mine.txt');
  const tagFiles = lines.length === 0 ? [] : [{ path: 'mine.txt', ...list }];
  const index = new ExactIndex();
  const catalogue = await Catalogue.create({ knowledge: loadKnowledge(), index, tagFiles });
  for (const one of scanned) catalogue.addOutcome(one);
  await catalogue.flush();
  return catalogue;
}

const plain = await catalogueWith();

test('A name gets readable tags, each with the line of C that makes it.', async () => {
  const { proposals, kinds, words, rules, comparedWith } = await suggestTags('Contoso Filter', 3, plain);
  assert.deepEqual(words, ['Contoso', 'Filter']);
  assert.equal(proposals.length, 3);
  for (const { tag, literal, define } of proposals) {
    assert.equal(literal, `'${[...tag].reverse().join('')}'`);
    assert.equal(define, `#define CONTOSO_POOL_TAG ${literal}`);
  }
  assert.ok(kinds.length >= 5);
  assert.equal(new Set(kinds.map(({ tag }) => tag.slice(0, 3))).size, 1);
  assert.ok(kinds.some(({ define }) => define.startsWith('#define CONTOSO_BUFFER_POOL_TAG ')));
  assert.ok(rules.length > 3 && comparedWith.tags > 1_000);
});

// name, lines of a list, the tag that must not be proposed, why, reason
const TAKEN: [name: string, lines: string[], tag: string, code: string, why: RegExp][] = [
  ['Zyxw', ['Zyxw - other.sys - Other data'], 'Zyxw', 'taken', /^It is taken: Other data/],
  ['Zyxw', ['zYXw - other.sys - Other data'], 'Zyxw', 'other-case', /^Only capitals tell it from zYXw/],
  ['Zyxw', ['wxyZ - other.sys - Other data'], 'Zyxw', 'reversed', /^Backwards it is wxyZ/],
  ['Zyxw', ['Zyx? - other.sys - Other family'], 'Zyxw', 'family', /^The family Zyx\? covers it/],
  [
    'Zyxw',
    ['Z* - other.sys - Other family'],
    'Zyxw',
    'family',
    /^The family Z\* {2} ?covers it|^The family Z\*/,
  ],
  [
    'Zyxw',
    ['zyx? - other.sys - Other family'],
    'Zyxw',
    'other-case',
    /^Only capitals tell it from the family zyx\?/,
  ],
  ['Ntfs', [], 'Ntfs', 'taken', /^/],
  ['Afd1', [], 'Afd1', 'family', /Afd\?/],
];
for (const [name, lines, tag, code, why] of TAKEN) {
  test(`${tag} is not proposed beside ${lines[0] ?? 'our own list'}: ${code}.`, async () => {
    const { proposals, kinds, rejected } = await suggestTags(name, 20, await catalogueWith(lines));
    assert.ok(![...proposals, ...kinds].some(one => one.tag === tag));
    const found = rejected.find(one => one.code === code);
    assert.match(found?.why ?? '', why, JSON.stringify(rejected));
    assert.match(found!.with.links.page, /^\/(tags|search)/);
    assert.ok(proposals.length > 0);
  });
}

test('A tag that a scanned driver uses is not proposed, nor one that it uses for a remove lock.', async () => {
  const [used, locked] = ['Zyxw', 'Zyx1'].map(poolTag);
  const using = driver('other.sys', { [used]: evidence('allocation-call') });
  const api = 'ntoskrnl.exe!IoInitializeRemoveLockEx';
  const otherTags = [{ tag: locked, id: tagId(locked), kind: 'remove-lock' as const, api, rva: 1, sites: 1 }];
  const catalogue = await catalogueWith([], { ...using, otherTags });
  const { proposals, rejected } = await suggestTags('Zyxw', 20, catalogue);
  const names = proposals.map(({ tag }) => tag);
  assert.ok(!names.includes('Zyxw') && !names.includes('Zyx1'), names.join());
  assert.deepEqual(
    rejected.map(({ tag, code }) => [tag, code]),
    [
      ['Zyxw', 'taken'],
      ['Zyx1', 'other-use'],
    ],
  );
});

test('Where a family takes the capital, a small letter is left; where it takes both, nothing is proposed.', async () => {
  const big = await suggestTags('Zyxw', 4, await catalogueWith(['Z??? - other.sys - All']));
  assert.ok(big.proposals.length === 4 && big.proposals.every(({ tag }) => tag.startsWith('z')));
  assert.ok(big.kinds.length > 0);
  const none = await suggestTags(
    'Zyxw',
    4,
    await catalogueWith(['Z??? - a.sys - All', 'z??? - b.sys - All']),
  );
  assert.deepEqual([none.proposals, none.kinds], [[], []]);
});

for (const name of ['', '  ', '\u{1F600}', '\0', '---']) {
  test(`${JSON.stringify(name)} is no name.`, async () => {
    await assert.rejects(
      suggestTags(name, 3, plain),
      error =>
        error instanceof PooltagError && error.code === 'invalid-name' && /No|The name/.test(error.message),
    );
  });
}

test('A very long name is cut, and answered.', async () => {
  const { name, proposals } = await suggestTags('\u{1F600}Abc'.repeat(10_000), 2, plain);
  assert.ok([...name].length <= 200 && proposals.length === 2);
});

test('Every proposal is valid, free, alike to no other, and its literal reads back to it.', async () => {
  const names = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(...plain.knowledge.entries.map(({ tag }) => tag)),
    fc.constantFrom(...plain.knowledge.components.map(({ title }) => title)),
  );
  await fc.assert(
    fc.asyncProperty(names, fc.integer({ min: 1, max: MAX_PROPOSALS }), async (name, count) => {
      const suggestions = await suggestTags(name, count, plain).catch(error => {
        assert.equal((error as PooltagError).code, 'invalid-name');
        return undefined;
      });
      if (suggestions === undefined) return;
      const { proposals, kinds } = suggestions;
      assert.equal(proposals.length, count);
      assert.equal(new Set(proposals.map(({ tag }) => tag.toLowerCase())).size, count);
      for (const { tag: text, literal } of [...proposals, ...kinds]) {
        const tag = poolTag(text);
        const backwards = poolTag([...text].reverse().join(''));
        assert.ok(isNameableUlong(tagToUlong(tag)) && /^[A-Za-z0-9]{4}$/.test(tag), tag);
        assert.equal(await plain.index.find(tag), undefined, tag);
        assert.equal(await plain.index.find(backwards), undefined, backwards);
        assert.deepEqual(await plain.index.caseVariants(tag), [], tag);
        assert.deepEqual(await plain.index.covering(tag), [], tag);
        const read = tagReadings(literal);
        assert.ok(read.kind === 'readings' && read.candidates[0]?.tag === tag, literal);
      }
    }),
    { numRuns: 60 },
  );
});
