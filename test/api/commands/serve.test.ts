import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { serve } from '../../../api/commands/serve.ts';
import { projectFile } from '../../../data/project-files.ts';
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

/** Serves while `use` runs, and ends whether that succeeds or not: a server that was left alone would keep the tests from ending. */
async function whileServing(argv: string[], io: CapturedIo, use: () => Promise<void>): Promise<void> {
  const ended = serve(argv, io);
  try {
    await use();
  } finally {
    io.stop();
    assert.equal(await ended, 0);
  }
}

/** Resolves once the index answers; before, on a busy machine, `readyz` says 503. */
async function ready(url: string): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200);
}

test('The server says what it loaded and where it is, scans the samples, answers, and ends cleanly.', async () => {
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  let url = '';
  await whileServing(['--port', '0'], io, async () => {
    [, url] = await printed(io, /^Open (http:\/\/127\.0\.0\.1:\d+)/m);
    assert.match(io.out(), /tags in the embedded index\n.*bundled list, \d+ known leaks, \d+ guides\n/);
    assert.match(io.out(), /sample drivers only/);
    await ready(url);
    const answer = await (await fetch(`${url}/api/v1/tags/Thre`)).json();
    assert.equal((answer as { tag: string }).tag, 'Thre');
    await printed(io, /^Scanned \d+ sample drivers/m);
    const seen = (await (await fetch(`${url}/api/v1/tags/SdRq`)).json()) as {
      sightings: { driver: { isSample: boolean } }[];
    };
    assert.equal(seen.sightings[0].driver.isSample, true);
    assert.match(await (await fetch(url)).text(), /<h1/);
  });
  assert.equal(io.err(), '');
  await assert.rejects(fetch(`${url}/readyz`));
});

test('What is asked at the very moment of listening is answered as later.', async () => {
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  await whileServing(['--port', '0'], io, async () => {
    const [, url] = await printed(io, /^Open (http:\/\/127\.0\.0\.1:\d+)/m);
    const paths = [
      '/api/v1/tags/Thre',
      '/api/v1/tags/Afdx',
      '/api/v1/search?q=mapped%20file',
      '/api/v1/search?q=Nt%3F%3F',
      '/tags/Thre',
      '/no-such-page',
    ];
    const asked = async () => {
      const answers = await Promise.all(
        paths.map(one => fetch(`${url}${one}`, { headers: { accept: 'text/html' } })),
      );
      return Promise.all(answers.map(async answer => [answer.status, await answer.text()]));
    };
    const early = await asked();
    assert.deepEqual(
      early.map(([status]) => status),
      [200, 200, 200, 200, 200, 404],
    );
    assert.ok((JSON.parse(early[2][1] as string) as { total: number }).total > 10);
    await printed(io, /^Scanned .*/m);
    // Pages also say how many drivers are loaded.
    assert.deepEqual((await asked()).slice(0, 4), early.slice(0, 4));
  });
});

test('Stopped at once, in the middle of its scan, the server ends as cleanly.', async () => {
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  await whileServing(['--port', '0'], io, async () => {
    await printed(io, /^Open /m);
  });
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

test('What the server scans is kept for its next start.', async () => {
  const cache = mkdtempSync(path.join(os.tmpdir(), 'pooltag-serve-'));
  const kept = () =>
    readdirSync(cache, { recursive: true }).filter(name => /scans.*[0-9a-f]{64}$/.test(String(name)));
  for (const [argv, count] of [
    [['--no-cache'], 0],
    [[], 3],
    [[], 3],
  ] as const) {
    const io = capturedIo({ LOG_LEVEL: 'silent', POOLTAG_CACHE: cache });
    await whileServing(['--port', '0', ...argv], io, async () => {
      const [said] = await printed(io, /^Scanned .*/m);
      assert.match(said, /^Scanned 3 sample drivers:/);
    });
    assert.equal(io.err(), '');
    assert.equal(kept().length, count);
  }
  rmSync(cache, { recursive: true });
});

test('With --all-drivers the server scans a mounted Windows, or says in one sentence why it cannot.', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-serve-'));
  const wrong = capturedIo({ LOG_LEVEL: 'silent' });
  assert.equal(await serve(['--port', '0', '--all-drivers', folder], wrong), 2);
  assert.match(wrong.err(), /^pooltag: .*there is no System32 in it.*\n$/);
  cpSync(projectFile('data', 'samples'), path.join(folder, 'Windows', 'System32', 'drivers'), {
    recursive: true,
  });
  const io = capturedIo({ LOG_LEVEL: 'silent' });
  await whileServing(['--port', '0', '--all-drivers', folder], io, async () => {
    const [said] = await printed(io, /^Scanned .*/m);
    assert.match(said, /^Scanned 3 drivers:/);
    assert.match(io.out(), /drivers of .*System32.*, scanned in the background/);
  });
  rmSync(folder, { recursive: true });
});
