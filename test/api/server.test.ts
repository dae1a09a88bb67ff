import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import test from 'node:test';
import express from 'express';
import { pino } from 'pino';
import { PooltagError } from '../../api/pooltag-error.ts';
import { type ServerOptions, startServer } from '../../api/server.ts';
import { createEmbeddedIndex } from '../../data/embedded-index.ts';
import { type SearchIndex, SearchUnavailable } from '../../data/search-index.ts';
import { ask } from './rest-client.ts';
import { sampleCatalogue } from './sample-facts.ts';

async function withServer<Result>(
  options: Partial<ServerOptions>,
  use: (url: string) => Promise<Result>,
): Promise<Result> {
  const catalogue = options.catalogue ?? (await sampleCatalogue());
  const server = await startServer({ host: '127.0.0.1', port: 0, catalogue, ...options });
  try {
    return await use(server.url);
  } finally {
    await server.stop();
  }
}

/** An index that a test can switch off. */
function fragileIndex() {
  const inner = createEmbeddedIndex();
  const state = { isAway: false };
  const index = new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) =>
        state.isAway && name !== 'close'
          ? Promise.reject(new SearchUnavailable('The server at http://secret:7700 is away.'))
          : value.apply(target, given);
    },
  }) as SearchIndex;
  return { index, state };
}

test('a free port is taken for 0, and the address can be opened', async () => {
  await withServer({}, async url => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await ask(url, '/healthz')).json.status, 'alive');
  });
});

test('a port that is taken is one clear sentence', async () => {
  await withServer({}, async url => {
    const port = Number(new URL(url).port);
    await assert.rejects(
      startServer({ host: '127.0.0.1', port, catalogue: await sampleCatalogue() }),
      (error: unknown) =>
        error instanceof PooltagError &&
        error.code === 'address-in-use' &&
        error.message.startsWith(`Port ${port} on 127.0.0.1 is taken`),
    );
  });
});

test('an address of another machine is one clear sentence', async () => {
  await assert.rejects(
    startServer({ host: '192.0.2.1', port: 0, catalogue: await sampleCatalogue() }),
    (error: unknown) => error instanceof PooltagError && error.code === 'address-unusable',
  );
});

test('stopping closes idle connections and lets the port go', async () => {
  const server = await startServer({ host: '127.0.0.1', port: 0, catalogue: await sampleCatalogue() });
  const socket = connect(server.port, '127.0.0.1');
  const closed = new Promise(resolve => socket.on('close', resolve).resume());
  await new Promise(resolve => socket.on('connect', resolve));
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise(resolve => socket.once('data', resolve));
  await Promise.all([server.stop(), closed]);
  await server.stop();
  await assert.rejects(ask(server.url, '/healthz'), { code: 'ECONNREFUSED' });
});

test('an index that does not answer is 503, and the process still lives', async () => {
  const { index, state } = fragileIndex();
  const catalogue = await sampleCatalogue({ index });
  await withServer({ catalogue }, async url => {
    const ready = await ask(url, '/readyz');
    assert.equal(ready.status, 200);
    assert.equal(ready.json.index, 'embedded');
    state.isAway = true;
    for (const path of ['/readyz', '/api/v1/tags/Proc', '/api/v1/search?q=x', '/api/v1/status']) {
      const answer = await ask(url, path);
      assert.equal(answer.status, 503, path);
      assert.equal(answer.json.code, 'index-unavailable', path);
      assert.doesNotMatch(answer.text, /secret/, path);
    }
    assert.equal((await ask(url, '/healthz')).status, 200);
    state.isAway = false;
    assert.equal((await ask(url, '/readyz')).status, 200);
  });
});

test('a fault of ours is logged with its stack, and answered without', async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const pages = express.Router().get('/broken', () => {
    throw new TypeError('secret insides');
  });
  await withServer({ pages, logger: pino({ level: 'error' }, sink) }, async url => {
    const answer = await ask(url, '/broken');
    assert.equal(answer.status, 500);
    assert.equal(answer.json.code, 'internal-error');
    assert.doesNotMatch(answer.text, /secret|\.ts/);
  });
  assert.match(lines.join(''), /secret insides/);
});

test('requests are logged without cookies and keys, at the level that is set', async () => {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  await withServer({ logger: pino({ level: 'info' }, sink) }, url =>
    ask(url, '/api/v1/tags/Thre', { headers: { cookie: 'theme=secret', authorization: 'Bearer secret' } }),
  );
  assert.equal(lines.length, 1);
  const { req, res } = JSON.parse(lines[0]);
  assert.deepEqual([req.method, req.url, res.statusCode], ['GET', '/api/v1/tags/Thre', 200]);
  assert.doesNotMatch(lines[0], /secret/);
});

test('a client above the rate limit waits, but health is always answered', async () => {
  await withServer({ rateLimit: 3 }, async url => {
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask(url, '/api/v1/tags/Thre')).status);
    assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
    const refused = await ask(url, '/api/v1/tags/Thre');
    assert.equal(refused.json.code, 'too-many-requests');
    assert.equal(refused.headers['content-type'], 'application/problem+json; charset=utf-8');
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.ok(refused.headers['content-security-policy']);
    assert.equal(refused.headers['access-control-allow-origin'], '*');
    assert.equal((await ask(url, '/healthz')).status, 200);
  });
});

test('behind a trusted proxy each client has a limit of its own, without one nobody can pretend', async () => {
  const asked = (url: string, client: string) =>
    ask(url, '/api/v1/tags/Thre', { headers: { 'x-forwarded-for': client } }).then(({ status }) => status);
  await withServer({ rateLimit: 1, trustProxy: 1 }, async url => {
    assert.deepEqual([await asked(url, '203.0.113.1'), await asked(url, '203.0.113.2')], [200, 200]);
  });
  await withServer({ rateLimit: 1, trustProxy: false }, async url => {
    assert.deepEqual([await asked(url, '203.0.113.1'), await asked(url, '203.0.113.2')], [200, 429]);
  });
});

test('pages are mounted beside REST, which stays JSON', async () => {
  const pages = express.Router().get('/', (_request, response) => void response.type('html').send('<p>home'));
  await withServer({ pages }, async url => {
    assert.equal((await ask(url, '/')).text, '<p>home');
    assert.equal(
      (await ask(url, '/api/v1/nothing', { headers: { accept: 'text/html' } })).json.code,
      'unknown-route',
    );
  });
});
