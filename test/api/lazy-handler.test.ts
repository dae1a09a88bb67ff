import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import express from 'express';
import { lazyHandler } from '../../api/middleware/lazy-handler.ts';

test('Requests that come before a handler is made wait for it, and it is made once.', async () => {
  let made = 0;
  const app = express();
  const lazy = lazyHandler(async () => {
    made++;
    await new Promise(resolve => setImmediate(resolve));
    return express.Router().get('/here', (_request, response) => void response.send('here'));
  });
  app.use(lazy);
  app.use((_request, response) => void response.status(404).send('passed on'));
  await answersOf(app, async url => {
    assert.deepEqual(await Promise.all(['/here', '/here', '/there'].map(url)), ['here', 'here', 'passed on']);
    await lazy.load();
    assert.equal(await url('/here'), 'here');
  });
  assert.equal(made, 1);
});

test('A handler that cannot be made is an error of the request.', async () => {
  const app = express();
  app.use(lazyHandler(() => Promise.reject(new Error('not there'))));
  app.use(((error, _request, response, _next) => {
    response.status(500).send(error.message);
  }) satisfies express.ErrorRequestHandler);
  await answersOf(app, async url => assert.equal(await url('/'), 'not there'));
});

async function answersOf(
  app: express.Express,
  use: (ask: (path: string) => Promise<string>) => Promise<void>,
): Promise<void> {
  const server = createServer(app);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await use(async path => (await fetch(`http://127.0.0.1:${port}${path}`)).text());
  } finally {
    server.close();
  }
}
