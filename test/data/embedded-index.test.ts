/** The embedded index keeps the contract, and what it alone promises. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
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

test('The embedded index lets others have a turn while it is filled', async () => {
  const index = createEmbeddedIndex();
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const many = Array.from({ length: 5_000 }, (_, i) => record(`x${String(i).padStart(4, '0').slice(-3)}`));
  await index.replaceAll(many);
  await index.replaceAll(
    Array.from({ length: 5_000 }, (_, i) =>
      record(String.fromCharCode(97, 97, i >> 8, i & 0xff), { owners: [{ meaning: `word${i} and more` }] }),
    ),
  );
  clearInterval(counting);
  assert.ok(turns > 3, `${turns} turns`);
});
