import assert from 'node:assert/strict';
import test from 'node:test';
import { Catalogue } from '../../../api/catalogue.ts';
import { ExactIndex } from '../../../api/exact-index.ts';
import { WatchOwners } from '../../../api/watch/watch-owners.ts';
import { loadKnowledge } from '../../../data/knowledge.ts';
import { poolTag } from '../../../data/pool-tag.ts';

const catalogue = await Catalogue.create({ knowledge: loadKnowledge(), index: new ExactIndex() });

// tag, words, reason
const WORDS: [string, RegExp, string][] = [
  ['Thre', /^nt!ps: Thread objects$/, 'image and meaning'],
  ['NtFZ', /^ntfs\.sys: /, 'a wildcard entry covers it'],
  ['Thr\xe5', /^nt!ps: Thread objects$/, 'the bit of protected pool is taken away'],
  ['Zz~!', /^$/, 'nobody knows it'],
];
for (const [tag, words, reason] of WORDS) {
  test(`The owner of ${JSON.stringify(tag)} is ${words.source}: ${reason}.`, async () => {
    const owners = new WatchOwners(catalogue);
    assert.equal(owners.of(poolTag(tag)), '');
    await owners.learn([poolTag(tag)]);
    assert.match(owners.of(poolTag(tag)), words);
  });
}

test('Each tag is asked for once, unknown ones too, and memory stays bounded.', async () => {
  let asked = 0;
  const index = new Proxy(catalogue.index, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== 'findMany') return typeof value === 'function' ? value.bind(target) : value;
      return (tags: never[]) => {
        asked++;
        return target.findMany(tags);
      };
    },
  });
  const source = new Proxy(catalogue, {
    get: (target, name) => {
      if (name === 'index') return index;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const owners = new WatchOwners(source);
  for (let i = 0; i < 5; i++) await owners.learn([poolTag('Thre'), poolTag('Zz~!'), poolTag('Thre')]);
  assert.equal(asked, 1);
  const many = (first: number) =>
    Array.from({ length: 30_000 }, (_, i) => {
      const number = first + i;
      return poolTag(String.fromCharCode(1, number & 0xff, (number >> 8) & 0xff, number >> 16));
    });
  await owners.learn(many(0));
  await owners.learn(many(30_000));
  assert.equal(owners.of(poolTag('Thre')), '', 'the oldest are let go and asked for again');
});
