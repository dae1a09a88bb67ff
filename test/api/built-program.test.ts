/** What `npm run build` makes of the program: it starts, its threads start, and it says what the sources say. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { projectFile } from '../../data/project-files.ts';
import { nodeArguments } from '../node-arguments.ts';
import { TEST_CACHE } from './commands/captured-io.ts';
import { poolmonLog } from './poolmon-logs.ts';

const driver = projectFile('test', 'drivers', 'built', 'disk-filter.x64.clang.O2.sys');
const built = [projectFile('dist', 'api', 'cli.js')];
const folder = mkdtempSync(path.join(os.tmpdir(), 'pooltag-built-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const log = path.join(folder, 'poolmon.log');
writeFileSync(log, poolmonLog(30));

function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [projectFile('build.mjs')], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

function run(program: readonly string[], ...argv: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '', LOG_LEVEL: 'silent' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...argv], {
    cwd: projectFile(),
    env,
    encoding: 'utf8',
  });
  return { status, stdout: stdout.replace(/"elapsedMs":[\d.]+/g, '"elapsedMs":0'), stderr };
}

test('The built program says of tags, drivers and logs what the sources say.', () => {
  build();
  for (const argv of [
    ['who', 'Thre', '--format', 'json'],
    ['scan', '--no-cache', '--format', 'ndjson', driver],
    ['scan', '--no-cache', '--explain', 'DfSt', driver],
    ['leaks', '--format', 'json', '--every', '1h', log],
  ]) {
    const result = run(built, ...argv);
    assert.equal(result.status, 0, result.stderr);
    assert.ok(result.stdout.length > 300, argv.join(' '));
    assert.deepEqual(result, run(nodeArguments('api/cli.ts'), ...argv), argv.join(' '));
  }
});

test('A second build of the same sources writes nothing.', () => {
  build();
  const times = () =>
    readdirSync(projectFile('dist'), { recursive: true, encoding: 'utf8' })
      .sort()
      .map(name => `${name} ${statSync(projectFile('dist', name)).mtimeMs}`);
  const before = times();
  assert.ok(before.some(name => name.startsWith(path.join('scanner', 'scan-worker.js'))));
  build();
  assert.deepEqual(times(), before);
});

test('The built server reads a long log in a thread of its own.', async () => {
  build();
  const server = spawn(process.execPath, [...built, 'serve', '--port', '0', '--drivers', os.tmpdir()], {
    env: { ...process.env, NODE_OPTIONS: '', POOLTAG_CACHE: TEST_CACHE },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const url = await new Promise<string>(resolve => {
      let said = '';
      server.stdout.setEncoding('utf8').on('data', text => {
        said += text;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
        if (found !== null) resolve(found[0]);
      });
    });
    const text = poolmonLog(2000);
    assert.ok(text.length > 1024 * 1024); // what is shorter is read without a thread
    const answer = await fetch(`${url}/api/v1/leaks?every=1h`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: text,
    });
    const report = await answer.text();
    assert.equal(answer.status, 200, report.slice(0, 300));
    assert.match(report, /"Thre"/);
  } finally {
    server.kill();
  }
});

test('A scan that was kept by the built program is used by it again.', () => {
  build();
  const cache = path.join(folder, 'cache');
  const argv = ['scan', '--cache', cache, '--format', 'ndjson', driver];
  const entries = () =>
    readdirSync(path.join(cache, 'scans'), { recursive: true, encoding: 'utf8' }).filter(name =>
      /[0-9a-f]{64}$/.test(name),
    );
  const first = run(built, ...argv);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(entries().length, 1);
  assert.deepEqual(run(built, ...argv), first);
  assert.equal(entries().length, 1);
});
