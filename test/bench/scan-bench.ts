/**
 * `npm run bench:scan [-- FOLDER] [--rounds N] [--heap-sinks]`: the scanner's speed by stage beside `strings -n 4` and a
 * plain read and hash of the same files in the same run, then the bars of the product, measured as cold processes.
 * Without a folder it makes one. `--heap-sinks` takes the usual heap functions for pool functions, so that libraries of
 * user mode stand in for drivers with much code.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { POOL_FUNCTIONS, type PoolFunction } from '../../scanner/code/pool/pool-functions.ts';
import { coldScan } from './cold-process.ts';
import { bigDriver, usualDriver, writeDriverFolder } from './made-drivers/driver-folder.ts';
import { readAndHash, STAGES, timeStages } from './scan-stages.ts';

const FILES = 450;
const SEED = 1;
const ROUNDS = 3;
/** Argument 3 is the size there; as a sink it costs as much as a tag does. */
const HEAP_SINKS = ['RtlAllocateHeap', 'HeapAlloc', 'RtlFreeHeap', 'HeapFree', 'malloc', 'free', 'memcpy'];

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: String(ROUNDS) },
    'heap-sinks': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number from 1 on, not ${values.rounds}.`);
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'pooltag-bench-'));
try {
  const [given] = positionals;
  const folder = given ?? join(work, 'mixed');
  if (given === undefined) writeDriverFolder(folder, FILES, SEED);
  if (values['heap-sinks']) addHeapSinks();
  const paths = filesBelow(folder);
  const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  console.log(`${paths.length} files, ${(bytes / 1e6).toFixed(1)} MB in ${given ?? 'a made folder'}`);
  console.log(`Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})\n`);
  const mbPerSecond = printStages(paths, bytes);
  if (given === undefined) printBars(folder, mbPerSecond);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The table of stages; returns the speed of the whole scan, reading and hashing included. */
function printStages(paths: readonly string[], bytes: number): number {
  timeStages(paths); // warms up
  const best = bestOf(() => timeStages(paths));
  const stringsMs = bestOf(() => ({ ms: timeStrings(paths) })).ms;
  const hashMs = bestOf(() => ({ ms: timeHash(paths) })).ms;
  const speed = (ms: number) => bytes / 1000 / ms;
  console.log(row('one core, warm', ['ms', 'MB/s', 'of strings', 'of read+hash']));
  for (const stage of STAGES) print(stage, best[stage]);
  const wholeMs = best['read + sha256'] + best['whole scan'];
  print('read + whole scan', wholeMs);
  print('strings -n 4', stringsMs);
  print('plain read and hash', hashMs);
  return speed(wholeMs);

  function print(title: string, ms: number): void {
    const ratios = [stringsMs, hashMs].map(other => (other / ms).toFixed(2));
    console.log(row(title, [ms.toFixed(0), speed(ms).toFixed(1), ...ratios]));
  }
}

function printBars(folder: string, mbPerSecond: number): void {
  const big = join(work, 'big.sys');
  const usual = join(work, 'usual.sys');
  writeFileSync(big, bigDriver());
  writeFileSync(usual, usualDriver());
  const cache = join(work, 'cache');
  const bigRun = coldScan(big, cache, true, rounds);
  const usualRun = coldScan(usual, cache, true, rounds);
  const cold = coldScan(folder, cache, true, rounds);
  const warm = coldScan(folder, cache, false, rounds);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const megabytes = (mb: number) => `${mb.toFixed(0)} MB`;
  console.log(`\n${row('as promised', ['bar', 'measured'])}`);
  console.log(row('mixed folder, one core, warm', ['>= 25 MB/s', `${mbPerSecond.toFixed(1)} MB/s`]));
  console.log(row('8 MB, 24,000 functions, cold process', ['<= 0.75 s', seconds(bigRun.elapsedMs)]));
  console.log(row('300 KB, cold process', ['<= 0.4 s', seconds(usualRun.elapsedMs)]));
  console.log(row(`${FILES} files, all cores, cold cache`, ['<= 3 s', seconds(cold.elapsedMs)]));
  console.log(row(`${FILES} files, all cores, warm cache`, ['<= 0.5 s', seconds(warm.elapsedMs)]));
  console.log(
    row('most memory of these processes', [
      '<= 400 MB',
      megabytes(Math.max(bigRun.peakMb, usualRun.peakMb, cold.peakMb, warm.peakMb)),
    ]),
  );
}

/** The real one where it is installed; its own start is little beside the files. */
function timeStrings(paths: readonly string[]): number {
  const startedMs = performance.now();
  const { error } = spawnSync('strings', ['-n', '4', ...paths], { stdio: 'ignore' });
  if (error === undefined) return performance.now() - startedMs;
  const againMs = performance.now();
  for (const path of paths) countStrings(readAndHash(path).bytes);
  return performance.now() - againMs;
}

/** What `strings -n 4` looks for, counted. */
function countStrings(bytes: Uint8Array): number {
  let strings = 0;
  let run = 0;
  for (const byte of bytes) {
    run = (byte >= 0x20 && byte < 0x7f) || byte === 9 ? run + 1 : 0;
    if (run === 4) strings++;
  }
  return strings;
}

function timeHash(paths: readonly string[]): number {
  const startedMs = performance.now();
  for (const path of paths) readAndHash(path);
  return performance.now() - startedMs;
}

/** The least of each number over all rounds: what other programs take is left out. */
function bestOf<T extends Record<string, number>>(measure: () => T): T {
  const best = measure();
  for (let round = 1; round < rounds; round++) {
    const times = measure();
    for (const key of Object.keys(best) as (keyof T)[]) {
      if (times[key] < best[key]) best[key] = times[key];
    }
  }
  return best;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
}

function addHeapSinks(): void {
  const table = POOL_FUNCTIONS as Map<string, PoolFunction>;
  for (const name of HEAP_SINKS) table.set(name, { name, kind: 'allocation-call', tagArgument: 3 });
}

function row(title: string, cells: string[]): string {
  return title.padEnd(40) + cells.map(cell => cell.padStart(14)).join('');
}
