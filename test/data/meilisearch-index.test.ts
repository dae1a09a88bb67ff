/** The Meilisearch index keeps the contract on a real server, ranks as the embedded one does, and fails in plain words. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { Meilisearch } from 'meilisearch';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { createMeilisearchIndex } from '../../data/meilisearch-index.ts';
import { poolTag } from '../../data/pool-tag.ts';
import { SearchUnavailable } from '../../data/search-index.ts';
import { findMeilisearch, type MeilisearchServer } from '../meilisearch/meilisearch-server.ts';
import { searchIndexContract } from './search-index.contract.ts';
import { COMPONENTS, record, SEARCH_RECORDS } from './search-records.ts';
import { SEARCH_VECTORS } from './search-vectors.ts';

const server = await findMeilisearch({ mayFetch: false });
if ('reason' in server) {
  test(`The Meilisearch contract did not run: ${server.reason}.`, context => {
    context.diagnostic(`The Meilisearch contract did not run: ${server.reason}.`);
  });
} else {
  await runOn(server);
}

async function runOn({ url, masterKey, stop }: MeilisearchServer): Promise<void> {
  const admin = new Meilisearch({ host: url, apiKey: masterKey });
  const run = `pooltagtest${process.pid.toString(36)}${Date.now().toString(36)}`;
  let made = 0;
  const newPrefix = () => `${run}n${++made}`;
  const key = async (actions: string[], indexes: string) =>
    masterKey && (await admin.createKey({ actions, indexes: [indexes], expiresAt: null })).key;
  const writing = ['documents.*', 'indexes.*', 'settings.*', 'tasks.get'];
  // The rights that users are told to give, and no more.
  const searchKey = await key(['search'], `${run}*`);
  const indexKey = await key(writing, '*');
  const narrowKey = await key(writing, `${run}*`);
  const create = (prefix = newPrefix()) =>
    createMeilisearchIndex({ url, searchKey, indexKey, prefix, components: COMPONENTS });

  after(async () => {
    const { results } = await admin.getRawIndexes({ limit: 1_000 });
    for (const { uid } of results) if (uid.startsWith(run)) await admin.deleteIndex(uid).waitTask();
    for (const made of [searchKey, indexKey, narrowKey]) if (made) await admin.deleteKey(made);
    await stop();
  });

  searchIndexContract('Meilisearch', async () => {
    const index = create();
    await index.replaceAll([]);
    return index;
  });

  describe('The Meilisearch index on a real server', () => {
    test('answers every query of the contract as the embedded index does, page by page', async () => {
      const embedded = createEmbeddedIndex({ components: COMPONENTS });
      const meilisearch = create();
      await Promise.all([embedded.replaceAll(SEARCH_RECORDS), meilisearch.replaceAll(SEARCH_RECORDS)]);
      for (const { q, filters } of SEARCH_VECTORS) {
        for (const page of [1, 2]) {
          const query = { q, page, pageSize: 10, ...filters };
          const [ours, theirs] = await Promise.all([embedded.search(query), meilisearch.search(query)]);
          assert.deepEqual(theirs, ours, JSON.stringify(query).slice(0, 200));
        }
      }
      await meilisearch.close();
    });

    test('says whether it is filled, and what to do when it is not', async () => {
      const index = create();
      assert.equal(await index.isFilled(), false);
      await assert.rejects(index.search({ q: 'x', page: 1, pageSize: 1 }), error => {
        assert.ok(error instanceof SearchUnavailable);
        assert.equal(error.code, 'index-unavailable');
        assert.match(error.message, /has no index.*pooltag index/);
        assert.ok(error.cause);
        return true;
      });
      await assert.rejects(index.find(poolTag('Thre')), SearchUnavailable);
      await index.update([record('Thre')]);
      assert.equal(await index.isFilled(), true);
      await index.close();
    });

    test('sees within a second what another process changed', async () => {
      const prefix = newPrefix();
      const [writer, reader] = [create(prefix), create(prefix)];
      await writer.replaceAll([record('AAAA')]);
      assert.equal(await reader.find(poolTag('BBBB')), undefined);
      await writer.update([record('BBBB')]);
      assert.equal((await writer.find(poolTag('BBBB')))?.tag, 'BBBB');
      const deadline = performance.now() + 5_000;
      while ((await reader.find(poolTag('BBBB'))) === undefined) {
        assert.ok(performance.now() < deadline, 'the change never came through');
        await new Promise(resolve => setImmediate(resolve));
      }
      await Promise.all([writer.close(), reader.close()]);
    });

    test('leaves no index behind but its own', async () => {
      const prefix = newPrefix();
      const index = create(prefix);
      await index.replaceAll([record('AAAA')]);
      await index.replaceAll([record('BBBB')]);
      const { results } = await admin.getRawIndexes({ limit: 1_000 });
      const ours = results.map(({ uid }) => uid).filter(uid => uid.startsWith(prefix));
      assert.equal(ours.length, 1, ours.join());
      await index.close();
    });

    test('names the key that cannot do what is asked', {
      skip: masterKey ? false : 'the server has no keys',
    }, async () => {
      const index = createMeilisearchIndex({ url, searchKey, prefix: newPrefix() });
      await assert.rejects(index.replaceAll([record('AAAA')]), /refuses the key.*MEILI_INDEX_KEY/);
      await index.close();
      const narrow = createMeilisearchIndex({ url, searchKey, indexKey: narrowKey, prefix: newPrefix() });
      await assert.rejects(narrow.replaceAll([record('AAAA')]), /MEILI_INDEX_KEY.*must be made for all/);
      await narrow.close();
    });
  });
}

describe('The Meilisearch index without a server', () => {
  test('says that the server cannot be reached, with the cause and without the password', async () => {
    const index = createMeilisearchIndex({ url: 'http://user:secret@127.0.0.1:1', prefix: 'x' });
    for (const ask of [
      () => index.search({ q: 'x', page: 1, pageSize: 1 }),
      () => index.find(poolTag('Thre')),
      () => index.count(),
      () => index.replaceAll([]),
      () => index.update([record('AAAA')]),
    ]) {
      await assert.rejects(ask(), error => {
        assert.ok(error instanceof SearchUnavailable);
        assert.match(error.message, /127\.0\.0\.1:1/);
        assert.doesNotMatch(error.message, /secret/);
        assert.ok(error.cause);
        return true;
      });
    }
    await index.close();
  });

  test("takes a proxy's HTML page for what it is", async () => {
    const proxy = createServer((_, response) => response.writeHead(502).end('<html>Bad gateway</html>'));
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const index = createMeilisearchIndex({ url: `http://127.0.0.1:${port}`, prefix: 'x' });
    await assert.rejects(index.search({ q: 'x', page: 1, pageSize: 1 }), SearchUnavailable);
    await index.close();
    proxy.closeAllConnections();
    proxy.close();
  });
});
