/**
 * `npm run fuzz:scan [-- --seed S] [--count N] [--jobs J] [--write PATH] [FILE...]`: scans damaged drivers by the
 * thousand, each made from its seed alone. Without files it damages the committed drivers and three of 300 KB. It says
 * how many crashed or hung, how long they took, and how to see each of the slowest again. Exits 1 on a crash or a hang.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FuzzInputs } from './fuzz-inputs.ts';
import type { FuzzMessage } from './fuzz-process.ts';

/** Far beyond what a worker of the product would be given. */
const HANG_MS = 20_000;
/** Seeds that a process is told at once. */
const CHUNK = 200;
const SHOWN_SLOWEST = 8;
/** More are usually the same fault again. */
const SHOWN_CRASHES = 10;

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    jobs: { type: 'string', default: '1' },
    write: { type: 'string' },
  },
  allowPositionals: true,
});
const [firstSeed, count, jobs] = [values.seed, values.count, values.jobs].map(Number);
if (![firstSeed, count, jobs].every(Number.isInteger) || firstSeed < 0 || count < 1 || jobs < 1) {
  console.error('--seed, --count and --jobs take whole numbers, --count and --jobs from 1 on.');
  process.exit(2);
}
const outcomes = new Map<string, number>();
const times: { elapsedMs: number; seed: number; name: string }[] = [];
const crashes: { seed: number; what: string }[] = [];
/** Memory of the processes as each chunk ended, in its order. */
const rssMb: number[] = [];
let nextSeed = firstSeed;

if (values.write !== undefined) {
  writeFileSync(values.write, new FuzzInputs(positionals).damaged(firstSeed).bytes);
  console.log(`The image of seed ${firstSeed} is written to ${values.write}.`);
} else {
  // A hundred thousand take half an hour: whoever stops them still sees what came out.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      report(true);
      process.exit(process.exitCode || 130);
    });
  await Promise.all(Array.from({ length: jobs }, runJob));
  report();
}

/** Keeps one process busy until no seed is left; one that dies or hangs is replaced, and its seed noted. */
async function runJob(): Promise<void> {
  let left: { first: number; count: number } | undefined;
  for (;;) {
    left ??= takeChunk();
    if (left === undefined) return;
    left = await runProcess(left);
  }
}

function takeChunk(): { first: number; count: number } | undefined {
  const first = nextSeed;
  const size = Math.min(CHUNK, firstSeed + count - first);
  nextSeed += Math.max(size, 0);
  return size <= 0 ? undefined : { first, count: size };
}

/** Runs chunks until there are none; resolves with what a lost process left undone. */
function runProcess(chunk: { first: number; count: number }): Promise<typeof chunk | undefined> {
  return new Promise(resolve => {
    const child: ChildProcess = fork(new URL('./fuzz-process.ts', import.meta.url), positionals);
    let current = chunk;
    let seed: number | undefined;
    let lost: string | undefined;
    let timer = setTimeout(() => {}, 0);
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        lost = `no answer within ${HANG_MS / 1000} s`;
        child.kill('SIGKILL');
      }, HANG_MS);
    };
    child.on('message', (message: FuzzMessage) => {
      watch();
      if (message.kind === 'begin') seed = message.seed;
      else if (message.kind === 'end') note(message);
      else {
        rssMb.push(message.rssMb);
        const next = takeChunk();
        if (next === undefined) return void child.disconnect();
        current = next;
        child.send(next);
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(undefined);
      if (seed === undefined) {
        console.error('A process ended before it scanned anything: this is a fault of the fuzzer.');
        process.exit(2);
      }
      crashes.push({ seed, what: lost ?? `the process ended (${signal ?? code})` });
      const end = current.first + current.count;
      resolve(seed + 1 < end ? { first: seed + 1, count: end - seed - 1 } : undefined);
    });
    watch();
    child.send(chunk);
  });
}

function note({ seed, name, outcome, elapsedMs, crash }: FuzzMessage & { kind: 'end' }): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  times.push({ elapsedMs, seed, name });
  if (crash !== undefined) crashes.push({ seed, what: crash });
}

function report(isStopped = false): void {
  times.sort((a, b) => a.elapsedMs - b.elapsedMs);
  const done = isStopped ? `${times.length} of ${count}` : `${count}`;
  console.log(`${done} damaged images, seeds from ${firstSeed}: ${crashes.length} crashes or hangs`);
  for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1])) {
    console.log(`  ${String(times).padStart(7)}  ${outcome}`);
  }
  const percentiles = { p50: 0.5, p90: 0.9, p99: 0.99, 'p99.9': 0.999, max: 1 };
  const shown = Object.entries(percentiles).map(([name, part]) => {
    const at = Math.min(times.length - 1, Math.floor(times.length * part));
    return `${name} ${times[at]?.elapsedMs.toFixed(1)} ms`;
  });
  console.log(`time: ${shown.join(', ')}`);
  const early = rssMb[Math.min(rssMb.length - 1, Math.floor(rssMb.length / 4))] ?? 0;
  console.log(
    `memory: ${Math.max(0, ...rssMb).toFixed(0)} MB at most; ${early.toFixed(0)} MB after a quarter of the images, ${(rssMb.at(-1) ?? 0).toFixed(0)} MB at the end`,
  );
  console.log('slowest:');
  for (const { elapsedMs, seed, name } of times.slice(-SHOWN_SLOWEST).reverse()) {
    console.log(`  ${elapsedMs.toFixed(1)} ms  ${name}  ${replay(seed)}`);
  }
  for (const { seed, what } of crashes.slice(0, SHOWN_CRASHES)) console.log(`${replay(seed)}: ${what}`);
  process.exitCode = crashes.length > 0 ? 1 : 0;
}

function replay(seed: number): string {
  const files = positionals.map(path => ` ${JSON.stringify(path)}`).join('');
  return `npm run fuzz:scan -- --seed ${seed} --count 1${files}`;
}
