import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { TEST_CACHE } from './commands/captured-io.ts';

function pooltag(...argv: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '', LOG_LEVEL: 'silent', POOLTAG_CACHE: TEST_CACHE };
  const child = spawn(process.execPath, ['--import', 'tsx', projectFile('api', 'cli.ts'), ...argv], {
    cwd: projectFile(),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', text => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    texts.err += text;
  });
  return { child, texts, closed: once(child, 'close') as Promise<[number | null, string | null]> };
}

const drivers = projectFile('test', 'drivers', 'built');

test('The process ends with the exit code of its command.', async () => {
  for (const [argv, exitCode] of [
    [['who', 'Thre'], 0],
    [['who', 'ZqZ!'], 1],
    [['who', '--bogus'], 2],
    [['scan', '/missing.sys'], 3],
    [['index'], 4],
  ] as const) {
    assert.deepEqual(await pooltag(...argv).closed, [exitCode, null], argv.join(' '));
  }
});

test('A reader that goes away ends the process quietly.', async () => {
  const { child, texts, closed } = pooltag('scan', '--format', 'ndjson', drivers);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  assert.deepEqual(await closed, [0, null]);
  assert.equal(texts.err, '');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} stops a scan with 130, and every line that was written is whole.`, async () => {
    const { child, texts, closed } = pooltag('scan', '--format', 'ndjson', drivers);
    await once(child.stdout, 'data');
    child.kill(signal);
    assert.deepEqual(await closed, [130, null]);
    assert.match(texts.err, /stopped after \d+ files?/);
    assert.ok(texts.out.endsWith('\n'));
    for (const line of texts.out.trimEnd().split('\n')) assert.equal(JSON.parse(line).status, 'scanned');
  });

  test(`${signal} ends the server cleanly.`, async () => {
    const { child, texts, closed } = pooltag('serve', '--port', '0');
    while (!texts.out.includes('Open http://')) await once(child.stdout, 'data');
    child.kill(signal);
    assert.deepEqual(await closed, [0, null]);
    assert.equal(texts.err, '');
  });
}

test('A server goes on where nobody reads what it says.', async () => {
  const { child, texts, closed } = pooltag('serve', '--port', '0');
  while (!/Open http:\/\/.*\n/.test(texts.out)) await once(child.stdout, 'data');
  child.stdout.destroy();
  const url = /Open (http:\/\/\S+)/.exec(texts.out)![1];
  let state: unknown;
  while (state !== 'done') {
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as { scan: { state: string } };
    state = status.scan.state;
  }
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await closed, [0, null]);
});
