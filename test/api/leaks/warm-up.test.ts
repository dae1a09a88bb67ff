/** A server answers on leaks once before anybody asks. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Catalogue } from '../../../api/catalogue.ts';
import { warmUpLeaks } from '../../../api/leaks/warm-up.ts';
import { sampleCatalogue } from '../../views/sample-catalogue.ts';

test('The made log is read and its tags are looked up.', async () => {
  const catalogue = await sampleCatalogue();
  const asked: number[] = [];
  const { index } = catalogue;
  const findMany = index.findMany.bind(index);
  index.findMany = tags => {
    asked.push(tags.length);
    return findMany(tags);
  };
  await warmUpLeaks(catalogue);
  assert.ok(Math.max(...asked) >= 300, `${asked}`);
});

test('A fault on the way is nobody’s: it does not end the server.', async () => {
  const broken = { knowledge: undefined } as unknown as Catalogue;
  await assert.doesNotReject(warmUpLeaks(broken));
});
