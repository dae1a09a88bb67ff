/** The embedded index keeps the contract, and what it alone promises. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { searchIndexContract } from './search-index.contract.ts';
import { COMPONENTS, record } from './search-records.ts';

searchIndexContract('embedded', async () => createEmbeddedIndex({ components: COMPONENTS }));

test('The embedded index forgives an error in the first letter where nothing else fits', async () => {
  const index = createEmbeddedIndex();
  await index.replaceAll([record('Regi', { owners: [{ meaning: 'registry' }] })]);
  for (const q of ['tegistry', 'egistry', 'ergistry', 'xregistry']) {
    assert.equal((await index.search({ q, page: 1, pageSize: 1 })).total, 1, q);
  }
});

test('The embedded index says so when it holds more records than it is made for', async () => {
  const index = createEmbeddedIndex();
  assert.deepEqual(index.remarks(), []);
  const many = Array.from({ length: 50_001 }, (_, i) =>
    record(String.fromCharCode(97, 97, i >> 8, i & 0xff)),
  );
  await index.replaceAll(many);
  assert.equal(index.remarks().length, 1);
  assert.match(index.remarks()[0]!, /50,001 records.*up to 50,000.*MEILI_URL/);
});

test('The embedded index lets others have a turn while it reads its words', async () => {
  const index = createEmbeddedIndex();
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const many = Array.from({ length: 5_000 }, (_, i) => record(`x${String(i).padStart(4, '0').slice(-3)}`));
  await index.replaceAll(many);
  await index.prepare();
  await index.replaceAll(
    Array.from({ length: 5_000 }, (_, i) =>
      record(String.fromCharCode(97, 97, i >> 8, i & 0xff), { owners: [{ meaning: `word${i} and more` }] }),
    ),
  );
  await index.prepare();
  clearInterval(counting);
  assert.ok(turns > 3, `${turns} turns`);
});

test('A search that comes before the words are read waits for them, and look-ups do not', async () => {
  const index = createEmbeddedIndex();
  const many = Array.from({ length: 2_000 }, (_, i) =>
    record(String.fromCharCode(97, 97, i >> 8, i & 0xff), {
      owners: [{ meaning: i === 0 ? 'alpha' : i === 1_999 ? 'omega' : 'something between' }],
    }),
  );
  await index.replaceAll(many);
  const total = async (q: string) => (await index.search({ q, page: 1, pageSize: 1 })).total;
  const early = Promise.all(['alpha', 'omega', 'between', ''].map(total));
  assert.deepEqual(await index.find(poolTag(many[1_999]!.tag)), many[1_999]);
  // The first is read already, the last is not, and one is new.
  const changed = { owners: [{ meaning: 'changed while reading' }] };
  await index.update([
    record(many[0]!.tag, changed),
    record(many[1_999]!.tag, changed),
    record('late', changed),
  ]);
  assert.equal(await index.count(), 2_001);
  assert.deepEqual(await early, [0, 0, 1_998, 2_001]);
  assert.equal(await total('changed'), 3);
  await index.prepare();
  assert.equal(await total('between'), 1_998);
});
