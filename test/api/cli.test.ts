import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { projectFile } from '../../data/project-files.ts';
import { nodeArguments } from '../node-arguments.ts';
import { TEST_CACHE } from './commands/captured-io.ts';

function pooltag(...argv: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '', LOG_LEVEL: 'silent', POOLTAG_CACHE: TEST_CACHE };
  const child = spawn(process.execPath, [...nodeArguments('api/cli.ts'), ...argv], {
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

const isEntry = (name: string | Buffer) => /[0-9a-f]{64}$/.test(String(name));
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

  test(`${signal} writes what was found so far to --out as well, and what was scanned stays in the cache.`, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-stop-'));
    const out = path.join(folder, 'found.ndjson');
    const cache = path.join(folder, 'cache');
    // So many copies that the scan cannot be over when the first is kept.
    const many = Array.from({ length: 400 }, (_, index) => path.join(folder, `copy${index}.sys`));
    for (const copy of many) copyFileSync(path.join(drivers, 'wrappers.x64.clang.O2.sys'), copy);
    const { child, texts, closed } = pooltag(
      'scan',
      '--format',
      'ndjson',
      '--out',
      out,
      '--cache',
      cache,
      folder,
    );
    const kept = () =>
      (existsSync(cache) ? readdirSync(cache, { recursive: true }) : []).filter(isEntry).length;
    // Asked again and again, with pauses that leave the scan its processor.
    while (kept() < 3 && child.exitCode === null) await setTimeout(10);
    assert.ok(!existsSync(out));
    child.kill(signal);
    assert.deepEqual(await closed, [130, null]);
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    assert.match(
      texts.err,
      new RegExp(`stopped after ${lines.length} files?; what was found so far is written`),
    );
    assert.ok(lines.length >= 1 && lines.length < many.length);
    for (const line of lines) assert.equal(JSON.parse(line).status, 'scanned');
    assert.ok(kept() >= lines.length);
    rmSync(folder, { recursive: true });
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
