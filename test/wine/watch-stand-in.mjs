/**
 * `pooltag watch` with a stand-in for Windows' own functions: node watch-stand-in.mjs APP DLL [option...]. It watches, much
 * faster than the clock, until the analysis has given its first verdicts, and prints JSON lines.
 */
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [app, dll, ...options] = process.argv.slice(2);
const load = name => import(pathToFileURL(path.join(app, 'compiled', name)).href);
const { loadSystemCalls } = await load('scanner/live/system-calls.js');
const { liveSource } = await load('scanner/live/live-source.js');
const { watch } = await load('api/commands/watch.js');
const { processWorld } = await load('api/watch/watch-world.js');

/** A report on 7,000 tags takes seconds under Wine. */
const MOST_READINGS = 2_000;
const stop = new AbortController();
let readings = 0;
const io = {
  stdout: {
    write(text, done) {
      // Each line holds one row; the last one is all that is wanted once there is a verdict.
      if (text.includes('"verdict"') || readings < 2 || readings >= MOST_READINGS) process.stdout.write(text);
      if (text.includes('"verdict"') || readings >= MOST_READINGS) stop.abort();
      done?.();
      return true;
    },
  },
  stderr: process.stderr,
  env: process.env,
  platform: process.platform,
  signal: stop.signal,
};
const loaded = await loadSystemCalls({ ntdll: dll, psapi: dll });
if (loaded.calls === undefined) throw new Error(loaded.missing);
const own = processWorld(io);
let elapsedMs = 0;
const world = {
  ...own,
  openSource: async () => liveSource(loaded.calls),
  nowMs: () => Date.UTC(2026, 10, 29, 10) + elapsedMs,
  elapsedMs: () => elapsedMs,
  async wait(ms) {
    elapsedMs += ms;
    readings++;
    // The thread needs a moment to report; readings come at the pace of the machine.
    await setTimeout(20);
  },
  computer: 'WINEHOST',
};
const argv = ['--format', 'json', '--every', '1m', '--include', 'Thre', '--pool', 'nonp', ...options];
process.exitCode = await watch(argv, io, world);
