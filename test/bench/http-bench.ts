/**
 * Measures exact look-ups over HTTP beside bare node:http answering the same bytes: `npm run bench:http`. The server
 * and the load run in processes of their own, so with two cores each has one. Exit code 1 below the promised ratio.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CLIENT_HEADERS, LOOKUP_PATH } from './bench-servers.ts';
import { type LoadResult, runLoad } from './http-load.ts';

const CONNECTIONS = 50;
const ROUNDS = 5;
const ROUND_MS = 2_000;
const WARM_UP_MS = 1_000;
/** Of bare node:http, what an exact look-up must reach. */
const PROMISED_RATIO = 0.25;

interface Case {
  title: string;
  server: string;
  request: string | (() => string);
  /** What its price is counted from. */
  over?: string;
}

const request = (path: string, headers: Record<string, string> = {}) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${Object.entries({ ...CLIENT_HEADERS, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

/** Every request another address, so that no answer is kept. */
let distinct = 0;
const anew = () => request(`${LOOKUP_PATH}?n=${distinct++}`);
const usual = request(LOOKUP_PATH);
const plain = request(LOOKUP_PATH, { 'accept-encoding': 'identity' });

const BARE = 'bare node:http, the same bytes';
const OURS = 'ours, as it runs';
const CACHE = 'Express + answer cache + ETag, plain';
const SECURE = '... + security headers';

const CASES: Case[] = [
  { title: BARE, server: 'bare', request: usual },
  { title: OURS, server: 'ours', request: usual, over: BARE },
  { title: 'Express as usual, one route', server: 'express-usual', request: usual, over: BARE },
  {
    title: 'Express with our prototypes, one route',
    server: 'express-prototypes',
    request: usual,
    over: BARE,
  },
  { title: CACHE, server: 'cache', request: plain, over: BARE },
  { title: SECURE, server: 'cache-security-headers', request: plain, over: CACHE },
  { title: '... + compression', server: 'cache-security-headers', request: usual, over: SECURE },
  { title: 'ours + rate limit', server: 'ours-rate-limit', request: usual, over: OURS },
  { title: 'ours + access log', server: 'ours-access-log', request: usual, over: OURS },
  {
    title: 'ours, 304 to a known ETag',
    server: 'ours',
    request: request(LOOKUP_PATH, { 'if-none-match': '*' }),
    over: OURS,
  },
  { title: 'ours, answer made anew', server: 'ours-anew', request: anew, over: OURS },
];

async function startChild(name: string): Promise<{ child: ChildProcess; port: number }> {
  const file = fileURLToPath(new URL('./bench-servers.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once('data', text => resolve(Number(text)));
    child.once('exit', code => reject(new Error(`The server ${name} ended with ${code}.`)));
  });
  return { child, port };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

const servers = new Map<string, Awaited<ReturnType<typeof startChild>>>();
const results = new Map<string, LoadResult[]>();
try {
  for (const name of new Set(CASES.map(({ server }) => server))) servers.set(name, await startChild(name));
  // In turns, each round beginning elsewhere, so that what else the machine does, and what the case before left to be
  // tidied up, falls on all alike.
  for (let round = 0; round < ROUNDS; round++) {
    const shift = Math.floor((round * CASES.length) / ROUNDS);
    for (const { title, server, request } of [...CASES.slice(shift), ...CASES.slice(0, shift)]) {
      const load = { port: servers.get(server)!.port, request, connections: CONNECTIONS };
      await runLoad({ ...load, durationMs: WARM_UP_MS });
      const result = await runLoad({ ...load, durationMs: ROUND_MS });
      results.set(title, [...(results.get(title) ?? []), result]);
    }
  }
} finally {
  for (const { child } of servers.values()) child.kill();
}

const speed = (title: string) => median(results.get(title)!.map(result => result.requestsPerSecond));
const row = (cells: string[]) =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(40) : cell.padStart(8))).join(' ');
console.log(
  `Node ${process.version}, ${CONNECTIONS} connections, median of ${ROUNDS} rounds of ${ROUND_MS / 1000} s\n`,
);
console.log(`${row(['', 'req/s', 'of bare', 'p50 ms', 'p99 ms', 'price us'])}  counted from`);
for (const { title, over } of CASES) {
  const rounds = results.get(title)!;
  const cells = [
    title,
    speed(title).toFixed(0),
    (speed(title) / speed(BARE)).toFixed(2),
    median(rounds.map(({ p50Ms }) => p50Ms)).toFixed(2),
    median(rounds.map(({ p99Ms }) => p99Ms)).toFixed(2),
    over === undefined ? '' : (1e6 / speed(title) - 1e6 / speed(over)).toFixed(1),
  ];
  console.log(`${row(cells)}  ${over ?? ''}`);
}
const ratio = speed(OURS) / speed(BARE);
console.log(`\nExact look-up: ${ratio.toFixed(2)} of bare node:http (promised: ${PROMISED_RATIO}).`);
process.exit(ratio >= PROMISED_RATIO ? 0 : 1);
