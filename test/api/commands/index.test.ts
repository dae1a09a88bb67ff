import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { index } from '../../../api/commands/index.ts';
import { capturedIo } from './captured-io.ts';

test('Without a server to fill, the command says what to name and ends with 4.', async () => {
  const io = capturedIo();
  assert.equal(await index([], io), 4);
  assert.match(io.err(), /^pooltag: .*--meili-url or MEILI_URL.*\n$/);
});

test('A server that is not there ends with 4 and names it.', async () => {
  const io = capturedIo();
  assert.equal(await index(['--meili-url', 'http://127.0.0.1:9'], io), 4);
  assert.equal(io.out(), '');
  assert.match(io.err(), /pooltag: .*127\.0\.0\.1:9/);
});

test('A server that answers nonsense ends with 4, not with a fault.', async () => {
  const server = createServer((_request, response) =>
    response.writeHead(502).end('<html>Bad Gateway</html>'),
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const io = capturedIo({ MEILI_URL: `http://127.0.0.1:${port}` });
  assert.equal(await index([], io), 4);
  server.close();
});

test('A wrong address is a wrong setting.', async () => {
  const io = capturedIo();
  assert.equal(await index(['--meili-url', 'localhost'], io), 2);
  assert.match(io.err(), /^pooltag: --meili-url is "localhost"/);
});
