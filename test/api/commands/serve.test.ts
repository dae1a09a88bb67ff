import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { serve } from '../../../api/commands/serve.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';

/** Resolves with what the pattern finds on stdout. */
function printed(io: CapturedIo, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise(resolve => {
    const look = () => {
      const found = pattern.exec(io.out());
      if (found !== null) resolve(found);
    };
    const { write } = io.stdout;
    io.stdout.write = (text, done) => {
      const written = write(text, done);
      look();
      return written;
    };
    look();
  });
}

test('The server says what it loaded and where it is, scans the samples, answers, and ends cleanly.', async () => {
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  const ended = serve(['--port', '0'], io);
  const [, url] = await printed(io, /^Open (http:\/\/127\.0\.0\.1:\d+)/m);
  assert.match(io.out(), /tags in the embedded index\n.*bundled list, \d+ known leaks, \d+ guides\n/);
  assert.match(io.out(), /sample drivers only/);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  const answer = await (await fetch(`${url}/api/v1/tags/Thre`)).json();
  assert.equal((answer as { tag: string }).tag, 'Thre');
  await printed(io, /^Scanned \d+ sample drivers/m);
  const seen = (await (await fetch(`${url}/api/v1/tags/SdRq`)).json()) as {
    sightings: { driver: { isSample: boolean } }[];
  };
  assert.equal(seen.sightings[0].driver.isSample, true);
  assert.match(await (await fetch(url)).text(), /<h1/);
  io.stop();
  assert.equal(await ended, 0);
  assert.equal(io.err(), '');
  await assert.rejects(fetch(`${url}/readyz`));
});

test('Stopped at once, in the middle of its scan, the server ends as cleanly.', async () => {
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  const ended = serve(['--port', '0'], io);
  await printed(io, /^Open /m);
  io.stop();
  assert.equal(await ended, 0);
});

test('A port that is taken is one sentence.', async () => {
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const io = capturedIo({ PORT: String(port) });
  assert.equal(await serve([], io), 2);
  assert.equal(io.out(), '');
  assert.match(io.err(), new RegExp(`^pooltag: Port ${port} .*taken.*\\n$`));
  taken.close();
});

// arguments, environment, exit code, what stderr says
const WRONG: [string[], NodeJS.ProcessEnv, number, RegExp][] = [
  [['--drivers', '/missing'], {}, 2, /^pooltag: --drivers .*\/missing, which does not exist.*\n$/],
  [['--pooltag', '/missing.txt'], {}, 2, /^pooltag: --pooltag .*\/missing\.txt.*\n$/],
  [[], { POOLTAG_DRIVERS: '/missing' }, 2, /^pooltag: .*POOLTAG_DRIVERS.*\/missing.*\n$/],
  [['--port', '70000'], {}, 2, /^pooltag: --port is "70000".*\n$/],
  [[], { LOG_LEVEL: 'loud' }, 2, /^pooltag: LOG_LEVEL is "loud".*\n$/],
  [['--host', '192.0.2.1', '--port', '0'], {}, 2, /^pooltag: 192\.0\.2\.1 .*\n$/],
  [[], { MEILI_URL: 'http://127.0.0.1:9' }, 4, /^pooltag: .*127\.0\.0\.1:9.*\n$/],
  [['surplus'], {}, 2, /too many arguments/],
];
for (const [argv, env, exitCode, err] of WRONG) {
  test(`pooltag serve ${argv.join(' ')} with ${JSON.stringify(env)} ends with ${exitCode} and one sentence.`, async () => {
    const io = capturedIo(env);
    assert.equal(await serve(argv, io), exitCode);
    assert.equal(io.out(), '');
    assert.match(io.err(), err);
  });
}
